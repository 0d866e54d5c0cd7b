/** Values that stand in the environment or in files: read, refused at their place, and never shown. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parseConfig, validateConfig } from '../../../lib/config/load.js'
import { resolveReferences } from '../../../lib/config/references.js'
import { createLogger } from '../../../lib/observability/logger.js'
import { fakeTerminal } from '../../support/fake-terminal.js'

const VARIABLE = 'TDA_REFERENCES_TEST'
let folder = ''
let secretFile = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tda-references-'))
  secretFile = join(folder, 'password')
  await writeFile(secretFile, 'correct horse battery\n')
  process.env[VARIABLE] = 'broker-7:9092'
})
afterAll(async () => {
  Reflect.deleteProperty(process.env, VARIABLE)
  await rm(folder, { recursive: true })
})

const configText = (settings: string, brokers = 'localhost:9092'): string =>
  `kafka:\n  brokers: ['${brokers}']\n  librdkafka:\n    ${settings}\n` +
  'input: { channels: [v] }\nscales: [{ name: a, window: 4, filtration: sublevel }]\n'

function refusal(text: string): string {
  try {
    parseConfig(text, 'c.yaml', 'broker')
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('the configuration was taken')
}

test('variables and files are read, alone and within a text; an escaped reference stands for itself', () => {
  const text = configText(
    `{ sasl.password: '\${file:${secretFile}}', client.id: 'tda-\${env:${VARIABLE}}-$\${env:X}', x: '\${other}' }`,
    `\${env:${VARIABLE}}`
  )
  const { kafka } = parseConfig(text, 'c.yaml', 'broker')
  expect(kafka).toMatchObject({
    brokers: ['broker-7:9092'],
    librdkafka: {
      'sasl.password': 'correct horse battery',
      'client.id': 'tda-broker-7:9092-${env:X}',
      x: '${other}'
    }
  })
})

test('a value in an object is taken as it is: references belong to files', () => {
  const config = validateConfig({
    kafka: { brokers: ['${env:NOWHERE_TO_BE_FOUND}'] },
    input: { channels: ['v'] },
    scales: [{ name: 'a', window: 4, filtration: 'sublevel' }]
  })
  expect(config.kafka!.brokers).toEqual(['${env:NOWHERE_TO_BE_FOUND}'])
})

test('what is missing, empty, too large or no name is an error with file, line, column and path, all at once', async () => {
  const empty = join(folder, 'empty')
  await writeFile(empty, '\n')
  const large = join(folder, 'large')
  await writeFile(large, 'x'.repeat(70_000))
  const text = [
    'kafka:',
    "  brokers: ['${env:NOWHERE_TO_BE_FOUND}']",
    '  librdkafka:',
    `    a: '\${file:${folder}/none}'`,
    `    b: '\${file:${empty}}'`,
    `    c: '\${file:${large}}'`,
    "    d: '${file:relative/path}'",
    "    e: '${env:not a name}'",
    'input: { channels: [] }',
    'scales: [{ name: a, window: 4, filtration: sublevel }]'
  ].join('\n')
  expect(refusal(text).split('\n')).toEqual([
    'c.yaml:2:13: kafka.brokers[0]: the environment variable NOWHERE_TO_BE_FOUND is not set',
    `c.yaml:4:8: kafka.librdkafka.a: cannot read ${folder}/none: no such file or directory`,
    `c.yaml:5:8: kafka.librdkafka.b: ${empty} is empty`,
    `c.yaml:6:8: kafka.librdkafka.c: ${large} is larger than 64 KiB, so it is hardly a value`,
    'c.yaml:7:8: kafka.librdkafka.d: expected an absolute path in ${file:...}, found "relative/path"',
    'c.yaml:8:8: kafka.librdkafka.e: "not a name" cannot be the name of an environment variable',
    expect.stringContaining('c.yaml:9:20: input.channels: expected a list of at least 1 entries')
  ])
  expect(resolveReferences({ x: '${env:E}' }, { E: '' }).issues[0]!.message).toBe(
    'the environment variable E is empty'
  )
})

test('an error message shows the reference, never the value', () => {
  const reference = `\${file:${secretFile}}`
  const wrong = configText('{}').replace(
    'filtration: sublevel',
    `filtration: '${reference}', channel: '${reference}'`
  )
  const unknownChannel = configText('{}').replace(
    'filtration: sublevel',
    `filtration: sublevel, channel: '${reference}'`
  )
  for (const text of [wrong, unknownChannel]) {
    expect(refusal(text)).not.toContain('horse')
  }
  expect(refusal(unknownChannel)).toContain(`found "${reference}"`)
})

test('the log shows no value that came from a file or is named like a secret; others stay readable', () => {
  process.env['TDA_TEST_TOKEN'] = 'open-sesame'
  try {
    const config = parseConfig(
      configText(
        `{ sasl.username: '\${file:${secretFile}}', client.id: '\${env:TDA_TEST_TOKEN}', ssl.ca.location: '\${env:${VARIABLE}}' }`
      ),
      'c.yaml',
      'broker'
    )
    const terminal = fakeTerminal()
    const logger = createLogger({
      settings: config.log,
      readable: false,
      colours: false,
      destination: terminal.stderr
    })
    const error = new Error('the broker said: no user correct horse battery with open-sesame')
    logger.error({ config, err: error }, 'cannot log in as correct horse battery')
    logger.flush()
    expect(terminal.err()).toContain('[redacted]')
    expect(terminal.err()).not.toMatch(/horse|sesame/)
    expect(terminal.err()).toContain('broker-7:9092')
  } finally {
    Reflect.deleteProperty(process.env, 'TDA_TEST_TOKEN')
  }
})
