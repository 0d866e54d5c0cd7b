import { expect, test } from '@jest/globals'
import { Writable } from 'node:stream'
import { validateConfig } from '../../../lib/config/load.js'
import { createLogger, type LoggerOptions } from '../../../lib/observability/logger.js'
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
  options: Partial<LoggerOptions>,
  log: (logger: ReturnType<typeof createLogger>) => void
): string {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    }
  })
  log(createLogger({ level: 'info', readable: false, colours: false, destination, ...options }))
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
    logger.info('not this')
    logger.warn({ err: new Error('cause') }, 'this')
  })
  expect(JSON.parse(text)).toMatchObject({ level: 40, msg: 'this', err: { message: 'cause' } })
})

test('colours only where asked for', () => {
  const line = (colours: boolean): string => lines({ readable: true, colours }, (logger) => logger.info('x'))
  expect(line(false)).not.toContain('\u001b[')
  expect(line(true)).toContain('\u001b[')
})

test('what is not a plain object passes as it is, and cycles end', () => {
  const error = new Error('x')
  const cycle: Record<string, unknown> = { error }
  cycle['self'] = cycle
  const copy = withoutSecrets(cycle) as Record<string, unknown>
  expect(copy['error']).toBe(error)
  expect(JSON.stringify(copy['self'])).toContain('[too deep]')
  expect(withoutSecrets(Object.assign(Object.create(null), { token: 1 }))).toEqual({ token: '[redacted]' })
})
