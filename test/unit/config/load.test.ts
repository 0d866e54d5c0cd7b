import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { ConfigUse } from '../../../lib/config/cross-checks.js'
import { loadConfig, parseConfig, validateConfig } from '../../../lib/config/load.js'
import { TdaError } from '../../../lib/errors.js'

function problems(text: string, use: ConfigUse = 'broker'): string[] {
  try {
    parseConfig(text, 'c.yaml', use)
  } catch (error) {
    expect(error).toBeInstanceOf(TdaError)
    expect((error as TdaError).code).toBe('CONFIG_INVALID')
    return (error as TdaError).message.split('\n')
  }
  throw new Error('the configuration was taken')
}

const MINIMAL = `kafka: { brokers: ['localhost:9092'] }
input:
  channels: [value]
scales:
  - name: fast
    window: 64
    filtration: sublevel
`

test('a minimal configuration gets every default', () => {
  expect(parseConfig(MINIMAL, 'c.yaml', 'broker')).toEqual({
    kafka: { brokers: ['localhost:9092'], groupId: 'streaming-tda', columnar: true, librdkafka: {} },
    input: {
      topic: 'tda.points',
      partitions: 4,
      format: 'json',
      binary: { type: 'float64', pointsMax: 65_536 },
      stream: { from: 'key' },
      timestamp: { from: 'none', unit: 'iso' },
      channels: ['value']
    },
    scales: [
      {
        name: 'fast',
        window: { count: 64 },
        slide: { count: 1 },
        filtration: 'sublevel',
        pointsMax: 16_384
      }
    ],
    delivery: 'exactly-once',
    output: {
      topic: 'tda.diagrams',
      deadLetterTopic: 'tda.dead-letters',
      stateTopic: 'tda.state',
      partitions: 4,
      compression: 'lz4'
    },
    publish: { transactionInterval: 50, snapshotEvery: 100, maxBytes: 900_000 },
    streams: { max: 1000 },
    tracing: {
      enabled: false,
      queueMax: 2048,
      linksMax: 32,
      recordsPerSecond: 2,
      batchesPerSecond: 1,
      recordsMax: 1024
    },
    state: {
      interval: 10_000,
      idleAfter: 600_000,
      replayRecordsMax: 1_000_000,
      onLoss: 'refuse'
    },
    pipeline: { recordsMax: 4096, batchesInFlight: 4, lingerMs: 5 },
    limits: {},
    http: { host: '127.0.0.1', port: 9464 },
    metrics: { streams: [], exemplars: true },
    log: { level: 'info', components: {} },
    shutdown: { timeout: 30_000 }
  })
})

test('everything wrong is reported at once, in the order of the text, each with its place', () => {
  const text = `kafka:
  brokers: localhost
  librdkafka:
    group.id: x
    sasl.password: [secret]
input:
  channels: [a, b, a]
  stream: { from: field }
  timestmp: { from: none }
scales:
  - name: one
    window: 5 apples
    filtration: sublevl
  - name: one
    window: 5m
    slide: 0
    filtration: sublevel
  - window: 1.5
    colour: red
limits:
  memoryMiB: -1
pipeline:
  workers: 1000
output: { topic: tda.points }
log:
`
  expect(problems(text)).toEqual([
    'c.yaml:2:12: kafka.brokers: expected a list, found "localhost"',
    'c.yaml:5:20: kafka.librdkafka["sasl.password"]: expected a text, a number, true or false, found a list of 1',
    'c.yaml:7:20: input.channels[2]: "a" is there already',
    'c.yaml:8:11: input.stream.field: expected the name of the field (from is "field"), found nothing',
    'c.yaml:9:3: input.timestmp: unknown key; did you mean "timestamp"?',
    'c.yaml:12:13: scales[0].window: expected a number of points such as 4096, or a duration such as "5m", found "5 apples"',
    'c.yaml:13:17: scales[0].filtration: expected one of "sublevel", "superlevel", "rips", found "sublevl"',
    'c.yaml:16:12: scales[1].slide: expected a number of points such as 4096, or a duration such as "5m", found 0',
    'c.yaml:18:5: scales[2].name: expected a text, found nothing',
    'c.yaml:18:5: scales[2].filtration: expected one of "sublevel", "superlevel", "rips", found nothing',
    'c.yaml:18:13: scales[2].window: expected a number of points such as 4096, or a duration such as "5m", found 1.5',
    'c.yaml:19:5: scales[2].colour: unknown key; known here: name, window, slide, filtration, channel, pointsMax, channels, embedding, metric, weights, maxDimension, threshold',
    'c.yaml:21:14: limits.memoryMiB: expected more than 0, found -1',
    'c.yaml:23:12: pipeline.workers: expected at most 256, found 1000',
    'c.yaml:24:18: output.topic: is the input topic; results need a topic of their own',
    'c.yaml:25:5: log: expected a mapping, found an empty value'
  ])
})

describe('checks across sections', () => {
  const scale = (more: string): string => `input:
  channels: [a, b]
scales:
  - { name: one, window: 64, filtration: sublevel, channel: a }
  - { ${more} }
`
  test.each([
    [
      'name: one, window: 64, filtration: sublevel, channel: a',
      'scales[1].name: "one" is the name of scales[0] already'
    ],
    [
      'name: two, window: 64, filtration: sublevel',
      'scales[1].channel: expected one of input.channels (a, b), found nothing'
    ],
    [
      'name: two, window: 64, filtration: sublevel, channel: c',
      'scales[1].channel: expected one of input.channels (a, b), found "c"'
    ],
    [
      'name: two, window: 5m, filtration: sublevel, channel: a',
      'scales[1].window: a duration needs event time'
    ],
    [
      'name: two, window: 5, slide: 1s, filtration: sublevel, channel: a',
      'scales[1].slide: a duration needs event time'
    ],
    [
      'name: two, window: 0.5ms, filtration: sublevel, channel: a',
      'scales[1].window: expected a number of points'
    ],
    ['name: a b, window: 5, filtration: sublevel, channel: a', 'scales[1].name: expected letters, digits']
  ])('%s', (more, expected) => {
    const found = problems(scale(more), 'file')
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(expected)
  })

  const input = (more: string): string => MINIMAL.replace('channels: [value]', `channels: [value]\n  ${more}`)
  test.each([
    ['stream: { from: key, field: id }', 'input.stream.field: only with from: field, but from is "key"'],
    ['timestamp: { from: field }', 'input.timestamp.field: expected the name of the field'],
    ['timestamp: { from: record, field: t }', 'input.timestamp.field: only with from: field'],
    ['columns: [value]', 'input.columns: only for the format "csv"'],
    ['format: csv', 'input.columns: expected the column names in order'],
    ['format: csv\n  columns: [a, a, value]', 'input.columns[1]: "a" is there already'],
    ['format: csv\n  columns: [a]', 'input.channels[0]: expected one of input.columns (a), found "value"'],
    [
      'format: csv\n  columns: [value]\n  stream: { from: field, field: id }',
      'input.stream.field: expected one of'
    ],
    [
      'format: csv\n  columns: [value]\n  timestamp: { from: field, field: t }',
      'input.timestamp.field: expected one of'
    ]
  ])('%s', (more, expected) => {
    const found = problems(input(more))
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(expected)
  })

  test('a spool is for at least once', () => {
    const spool = 'spool: { directory: /var/lib/tda }\n'
    expect(problems(`${MINIMAL}${spool}`)).toEqual([
      expect.stringContaining('spool: only with delivery: at-least-once')
    ])
    const config = parseConfig(`${MINIMAL}${spool}delivery: at-least-once\n`, 'c.yaml', 'broker')
    expect(config.spool).toEqual({ directory: '/var/lib/tda', maxBytes: 1 << 30 })
  })

  test.each([
    ['group.instance.id: x', 'use kafka.instanceId'],
    ['transactional.id: x', 'use kafka.instanceId'],
    ['isolation.level: read_uncommitted', 'records of aborted transactions are not read'],
    ['delivery.report.only.error: true', 'a record is out when its delivery report says so'],
    ['dr_cb: false', 'a record is out when its delivery report says so'],
    ['dr_msg_cb: false', 'a record is out when its delivery report says so']
  ])('the setting %s is refused: %s', (setting, advice) => {
    const text = MINIMAL.replace(
      "kafka: { brokers: ['localhost:9092'] }",
      `kafka: { brokers: [a], librdkafka: { ${setting} } }`
    )
    expect(problems(text)).toEqual([expect.stringContaining(advice)])
  })

  test('settings the daemon needs for itself are refused', () => {
    const text = MINIMAL.replace(
      "kafka: { brokers: ['localhost:9092'] }",
      'kafka: { brokers: [a], librdkafka: { group.id: x, bootstrap.servers: y, enable.auto.commit: true } }'
    )
    expect(problems(text).map((line) => line.replace(/^c.yaml:1:\d+: /, ''))).toEqual([
      'kafka.librdkafka["group.id"]: the daemon sets this itself; use kafka.groupId',
      'kafka.librdkafka["bootstrap.servers"]: the daemon sets this itself; use kafka.brokers',
      'kafka.librdkafka["enable.auto.commit"]: the daemon sets this itself; leave it out: offsets are committed when results are out'
    ])
  })

  test('messages must fit the producer', () => {
    const text = `${MINIMAL}publish: { maxBytes: 5000000 }\n`
    expect(problems(text)).toEqual([
      expect.stringContaining('publish.maxBytes: expected at most 998000, found 5000000: the producer takes')
    ])
    const raised = text.replace('] }', '], librdkafka: { message.max.bytes: 6000000 } }')
    expect(parseConfig(raised, 'c.yaml', 'broker').publish.maxBytes).toBe(5_000_000)
    expect(parseConfig(text, 'c.yaml', 'file').publish.maxBytes).toBe(5_000_000)
  })

  test('a drain longer than timers count, and a host that means every address, are refused', () => {
    const found = problems(`${MINIMAL}shutdown: { timeout: 30d }\nhttp: { host: "" }\n`)
    expect(found).toEqual([
      expect.stringContaining('shutdown.timeout: expected a duration of at most "1d", found "30d"'),
      expect.stringContaining('http.host: expected a text of at least 1 characters, found ""')
    ])
  })

  test('topics must differ', () => {
    expect(problems(`${MINIMAL}output: { topic: x, deadLetterTopic: x }\n`)).toEqual([
      'c.yaml:8:38: output.deadLetterTopic: is output.topic; dead letters need a topic of their own'
    ])
  })

  test('only a broker needs kafka; a file has columns of its own and no record timestamps', () => {
    const text = MINIMAL.replace(/^kafka.*\n/, '')
    expect(problems(text)).toEqual(['c.yaml:1:1: kafka: expected a mapping with brokers, found nothing'])
    expect(parseConfig(text, 'c.yaml', 'file').kafka).toBeUndefined()
    expect(
      parseConfig(text.replace('channels', 'format: csv\n  channels'), 'c.yaml', 'file').input.format
    ).toBe('csv')
    expect(problems(text.replace('channels', 'timestamp: { from: record }\n  channels'), 'file')).toEqual([
      'c.yaml:2:22: input.timestamp.from: a file has no record timestamps; use "field" or "none"'
    ])
  })
})

describe('texts that are not YAML mappings', () => {
  test.each([
    ['a: [1\nb: 2', 'c.yaml:2:1: Flow sequence in block collection must be sufficiently indented'],
    ['a: 1\na: 2', 'c.yaml:2:1: Map keys must be unique'],
    ['a: 1\n---\nb: 2', 'c.yaml:2:1: a second YAML document starts here; a configuration is one document'],
    ['- a', 'c.yaml:1:1: the configuration: expected a mapping, found a list of 1'],
    ['a: *b', 'c.yaml:1:4: Unresolved alias']
  ])('%p', (text, expected) => {
    expect(problems(text, 'file')[0]).toContain(expected)
  })

  test('an empty text misses what is required', () => {
    expect(problems('', 'file')).toEqual([
      'c.yaml:1:1: input: expected a mapping, found nothing',
      'c.yaml:1:1: scales: expected a list, found nothing'
    ])
  })

  test('aliases that multiply without bound are refused', () => {
    const bomb = Array.from(
      { length: 9 },
      (_, i) =>
        `a${i}: &a${i} [${Array(9)
          .fill(i === 0 ? 'x' : `*a${i - 1}`)
          .join(', ')}]`
    )
    expect(problems(bomb.join('\n'), 'file')[0]).toMatch(/alias/i)
  })
})

test('validateConfig takes objects, and reports paths without places', () => {
  const root = {
    input: { channels: ['v'] },
    scales: [{ name: 'a', window: 5, slide: 5, filtration: 'superlevel' }]
  }
  expect(validateConfig(root).scales[0]).toMatchObject({ window: { count: 5 }, slide: { count: 5 } })
  expect(() => validateConfig({ ...root, http: { port: 'x' } })).toThrow(
    'http.port: expected a number, found "x"'
  )
  expect(() => validateConfig(undefined)).toThrow('the configuration: expected a mapping, found nothing')
})

describe('files', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tda-config-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('a file is read and validated', async () => {
    await writeFile(join(folder, 'c.yaml'), MINIMAL)
    expect((await loadConfig(join(folder, 'c.yaml'), 'broker')).scales).toHaveLength(1)
  })

  test('what cannot be read is FILE; what is too large is no configuration', async () => {
    await expect(loadConfig(join(folder, 'none.yaml'), 'broker')).rejects.toMatchObject({
      code: 'FILE',
      message: `cannot read the configuration ${join(folder, 'none.yaml')}: no such file or directory`
    })
    await expect(loadConfig(folder, 'broker')).rejects.toMatchObject({
      code: 'FILE',
      message: expect.stringContaining('it is a directory')
    })
    await writeFile(join(folder, 'large.yaml'), '#'.repeat((1 << 20) + 1))
    await expect(loadConfig(join(folder, 'large.yaml'), 'broker')).rejects.toMatchObject({
      code: 'CONFIG_INVALID'
    })
  })
})
