import { expect, jest, test } from '@jest/globals'
import { trace } from '@opentelemetry/api'
import { Writable } from 'node:stream'
import { validateConfig } from '../../../lib/config/load.js'
import {
  createLogger,
  type Logger,
  type LoggerOptions,
  type LogLevel
} from '../../../lib/observability/logger.js'
import { withoutSecrets } from '../../../lib/observability/redact.js'

const config = validateConfig({
  kafka: {
    brokers: ['broker:9092'],
    librdkafka: {
      'sasl.username': 'reader',
      'sasl.password': 'hunter2',
      'ssl.key.pem': 'hunter2',
      'ssl.key.password': 'hunter2',
      'ssl.keystore.password': 'hunter2',
      'sasl.oauthbearer.client.secret': 'hunter2',
      'sasl.oauthbearer.config': 'hunter2'
    }
  },
  input: { channels: ['v'] },
  scales: [{ name: 'a', window: 5, filtration: 'sublevel' }]
})

function lines(
  options: Partial<LoggerOptions> & { readonly level?: LogLevel },
  log: (logger: ReturnType<typeof createLogger>) => void
): string {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    }
  })
  const { level = 'info', ...rest } = options
  const settings = { level, components: {} }
  log(createLogger({ settings, readable: false, colours: false, destination, ...rest }))
  return text
}

test.each([false, true])(
  'a configuration may be logged whole: no secret appears (readable: %p)',
  (readable) => {
    const text = lines({ readable }, (logger) => logger.info({ config, nested: [{ config }] }, 'starting'))
    expect(text).toContain('starting')
    expect(text).toContain('reader')
    expect(text).toContain('broker:9092')
    expect(text).toContain('[redacted]')
    expect(text).not.toContain('hunter2')
  }
)

test('one JSON object a line, with level and message; lower levels are left out', () => {
  const text = lines({ level: 'warn' }, (logger) => {
    logger.info({}, 'not this')
    logger.warn({ err: new Error('cause') }, 'this')
  })
  expect(JSON.parse(text)).toMatchObject({
    level: 'warn',
    component: 'daemon',
    msg: 'this',
    err: { type: 'Error', message: 'cause', stack: expect.any(String) }
  })
})

test('colours only where asked for', () => {
  const line = (colours: boolean): string => lines({ readable: true, colours }, (logger) => logger.info('x'))
  expect(line(false)).not.toContain('\u001b[')
  expect(line(true)).toContain('\u001b[')
})

test('what is not a plain object passes as it is, and cycles end', () => {
  const error = new URL('http://x/')
  const cycle: Record<string, unknown> = { error }
  cycle['self'] = cycle
  const copy = withoutSecrets(cycle) as Record<string, unknown>
  expect(copy['error']).toBe(error)
  expect(JSON.stringify(copy['self'])).toContain('[too deep]')
  expect(withoutSecrets(Object.assign(Object.create(null), { token: 1 }))).toEqual({ token: '[redacted]' })
})

/** The lines as objects. */
function parsed(
  options: Parameters<typeof lines>[0],
  log: Parameters<typeof lines>[1]
): Record<string, unknown>[] {
  return lines(options, log)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test.each([
  [
    'in an error and its cause',
    (logger: Logger) =>
      logger.error(
        {
          err: new Error('sasl.password=hunter2 refused', { cause: new Error('"client_secret": "hunter2"') })
        },
        'x'
      )
  ],
  ['in the message', (logger: Logger) => logger.info({}, 'connect kafka://reader:hunter2@broker:9092')],
  ['in a text in a list', (logger: Logger) => logger.info({ list: [{ text: 'password is hunter2' }] }, 'x')],
  [
    'in headers as pairs',
    (logger: Logger) => logger.info({ headers: [['Authorization', 'hunter2hunter2']] }, 'x')
  ],
  [
    'in an authorization',
    (logger: Logger) => logger.info({ text: 'authorization: Bearer hunter2hunter2' }, 'x')
  ],
  [
    'in a key block',
    (logger: Logger) =>
      logger.info({ text: '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----' }, 'x')
  ],
  [
    'in what an error carries',
    (logger: Logger) =>
      logger.error({ err: Object.assign(new Error('x'), { config: { 'ssl.key.password': 'hunter2' } }) }, 'x')
  ]
])('a secret is not written: %s', (_, log) => {
  for (const readable of [false, true]) {
    const text = lines({ readable }, log)
    expect(text).toContain('[redacted]')
    expect(text).not.toContain('hunter2')
  }
})

test('components have levels of their own, and other ones at run time', () => {
  const written = parsed({}, (logger) => {
    const worker = logger.component('worker')
    worker.debug({}, 'no')
    logger.reconfigure({ level: 'warn', components: { worker: 'debug' } })
    worker.debug({}, 'yes')
    logger.info({}, 'no')
    logger.component('pipeline').warn({}, 'yes')
    logger.reconfigure({ level: 'silent', components: {} })
    logger.fatal({}, 'no')
  })
  expect(written.map(({ component, level, msg }) => [component, level, msg])).toEqual([
    ['worker', 'debug', 'yes'],
    ['pipeline', 'warn', 'yes']
  ])
})

test('detail is written whatever the level, and the stream to follow may change', () => {
  const written = parsed({ level: 'error' }, (logger) => {
    const worker = logger.component('worker')
    expect(worker.debugStream).toBeUndefined()
    logger.reconfigure({ level: 'error', components: {}, debugStream: 'mote-1' })
    expect(worker.debugStream).toBe('mote-1')
    worker.detail({ stream: 'mote-1' }, 'engine advanced')
  })
  expect(written).toEqual([
    expect.objectContaining({ component: 'worker', level: 'debug', stream: 'mote-1' })
  ])
})

test('a flood is cut, counted, and the next line says by how much; errors are never left out', () => {
  const leftOut = new Map<string, number>()
  const onLeftOut = (component: string, count: number): void =>
    void leftOut.set(component, (leftOut.get(component) ?? 0) + count)
  const now = jest.spyOn(performance, 'now').mockReturnValue(1000)
  try {
    const written = parsed({ onLeftOut }, (logger) => {
      for (let i = 0; i < 250; i++) logger.info({ i }, 'flood')
      for (let i = 0; i < 150; i++) logger.error({ i }, 'error')
      logger.component('worker').info({}, 'another component has its own limit')
      now.mockReturnValue(1010) // room for one
      logger.info({}, 'after')
      logger.info({}, 'left out')
      logger.flush()
    })
    expect(written.filter(({ msg }) => msg === 'flood')).toHaveLength(100)
    expect(written.filter(({ msg }) => msg === 'error')).toHaveLength(150)
    expect(written.find(({ msg }) => msg === 'after')).toMatchObject({ leftOut: 150 })
    expect(written.at(-1)).toMatchObject({ leftOut: 1, msg: '1 lines of level info were left out' })
    expect(leftOut).toEqual(new Map([['daemon', 151]]))
  } finally {
    now.mockRestore()
  }
})

test('a line written in a span names its trace', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const spanId = 'b7ad6b7169203331'
  const span = trace.wrapSpanContext({ traceId, spanId, traceFlags: 1 })
  const active = jest.spyOn(trace, 'getActiveSpan').mockReturnValue(span)
  try {
    expect(parsed({}, (logger) => logger.info({}, 'x'))).toEqual([
      expect.objectContaining({ trace_id: traceId, span_id: spanId })
    ])
  } finally {
    active.mockRestore()
  }
})
