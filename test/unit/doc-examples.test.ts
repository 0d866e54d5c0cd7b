/**
 * Every public symbol has a docstring, every public function and class an example; all of these, and that of the README,
 * run and print what they say.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import * as api from '../../lib/index.js'
import { examplesOf, runExample } from '../support/doc-examples.js'
import { publicSymbols } from '../support/public-symbols.js'
import { root } from '../support/run-command.js'

const documented = publicSymbols()
const files = [...new Set(documented.filter(({ callable }) => callable).map(({ file }) => file))]
const hasKafka = await import('node-rdkafka').then(
  () => true,
  () => false
)
const needKafka = new Set(['lib/mesh/embedded-broker.ts', 'lib/mesh/kafka-mesh.ts'])
if (!hasKafka) process.stderr.write('skipped: the examples of the Kafka mesh (no node-rdkafka)\n')

for (const file of files.filter((name) => hasKafka || !needKafka.has(name))) {
  const examples = examplesOf(join(root, file))
  const callables = documented.filter((symbol) => symbol.callable && symbol.file === file)
  test.each(callables)('$name has an example that runs', ({ name }) => {
    expect(examples.map((example) => example.name)).toContain(name)
  })
  for (const { name, code, expected } of examples) {
    test(`${file}: example of ${name}`, async () => {
      expect(expected.length).toBeGreaterThan(0)
      expect(await runExample(code, { ...api })).toEqual(expected)
    })
  }
}

test('every public symbol has a docstring', () => {
  expect(documented.length).toBeGreaterThan(80)
  expect(documented.filter(({ docstring }) => docstring === '').map(({ name }) => name)).toEqual([])
})

test('the library in ten lines, as the README has it', async () => {
  const [, code = ''] =
    /```js\nimport \{ StreamingTdaProcessor \} from 'streaming-tda'\n(.*?)```/s.exec(
      readFileSync(join(root, 'README.md'), 'utf8')
    ) ?? []
  expect(await runExample(code, { ...api })).toEqual([
    '1 0:1.0 1 null',
    '1 0:3.0 1.5 4',
    '2 0:6.0 2 9',
    '2 0:9.0 3 6'
  ])
})

test('the load generator from the library, as docs/load.md has it', async () => {
  const [, code = ''] = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'docs', 'load.md'), 'utf8')) ?? []
  expect(await runExample(code, { ...api })).toEqual(['200 200 0'])
})
