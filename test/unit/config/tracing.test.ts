import { expect, test } from '@jest/globals'
import { TdaError } from '../../../lib/errors.js'
import { tracingSettings } from '../../../lib/config/tracing.js'

const sampler = (environment: Record<string, string>): unknown => {
  const { kind, ratio } = tracingSettings({}, environment).sampler
  return [kind, ratio]
}

test('off by default, with a sampler, a queue and limits', () => {
  expect(tracingSettings({}, {})).toEqual({
    enabled: false,
    exporter: 'otlp-http',
    sampler: { kind: 'parent', ratio: 0.01, targetPerSecond: 1, slowMs: 1000 },
    queueMax: 2048,
    linksMax: 32,
    recordsPerSecond: 2,
    batchesPerSecond: 1,
    recordsMax: 1024,
    delayMs: 1000,
    timeoutMs: 3000,
    ownDetectors: false
  })
})

test.each(['1', 'true', 'on', 'yes', ' TRUE '])('ENABLE_DISTRIBUTED_TRACING=%s switches on', (value) => {
  expect(tracingSettings({}, { ENABLE_DISTRIBUTED_TRACING: value }).enabled).toBe(true)
})

test('the flag decides before the configuration, an empty one does not', () => {
  expect(tracingSettings({ enabled: true }, { ENABLE_DISTRIBUTED_TRACING: 'off' }).enabled).toBe(false)
  expect(tracingSettings({ enabled: true }, { ENABLE_DISTRIBUTED_TRACING: '' }).enabled).toBe(true)
})

test('the standard variables fill what the configuration leaves out', () => {
  expect(tracingSettings({}, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }).exporter).toBe('otlp-grpc')
  const both = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' }
  expect(tracingSettings({}, both).exporter).toBe('otlp-http')
  expect(tracingSettings({ exporter: 'otlp-http' }, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }).exporter).toBe(
    'otlp-http'
  )
  expect(tracingSettings({}, { OTEL_BSP_SCHEDULE_DELAY: '250' }).delayMs).toBe(250)
  expect(tracingSettings({}, { OTEL_EXPORTER_OTLP_TIMEOUT: '500' }).timeoutMs).toBe(500)
  expect(sampler({ OTEL_TRACES_SAMPLER: 'always_on' })).toEqual(['ratio', 1])
  expect(sampler({ OTEL_TRACES_SAMPLER: 'always_off' })).toEqual(['ratio', 0])
  expect(sampler({ OTEL_TRACES_SAMPLER: 'parentbased_always_on' })).toEqual(['parent', 1])
  expect(sampler({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' })).toEqual(['parent', 0])
  expect(sampler({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' })).toEqual([
    'ratio',
    0.5
  ])
  expect(sampler({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' })).toEqual(['parent', 1])
  const given = tracingSettings({ sampler: { kind: 'adaptive' } }, { OTEL_TRACES_SAMPLER: 'always_on' })
  expect(given.sampler.kind).toBe('adaptive')
})

test.each([
  [
    { ENABLE_DISTRIBUTED_TRACING: 'maybe' },
    'ENABLE_DISTRIBUTED_TRACING in the environment: expected true or false, found "maybe"'
  ],
  [
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    'OTEL_EXPORTER_OTLP_PROTOCOL in the environment: expected http/protobuf or grpc, found "http/json"'
  ],
  [
    { OTEL_TRACES_SAMPLER: 'jaeger_remote' },
    'OTEL_TRACES_SAMPLER in the environment: expected one of the standard samplers, for example parentbased_traceidratio, found "jaeger_remote"'
  ],
  [
    { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
    'OTEL_TRACES_SAMPLER_ARG in the environment: expected a number from 0 to 1, found "2"'
  ]
])('%j is refused', (environment: Record<string, string>, message) => {
  const attempt = (): unknown => tracingSettings({}, environment)
  expect(attempt).toThrow(TdaError)
  expect(attempt).toThrow(message)
})

test('options that cannot be are named with their path, as in a file', () => {
  const wrong = { queueMax: 0, endpoint: 'localhost:4318', sampler: { ratio: 3 }, links: 1 } as object
  expect(() => tracingSettings(wrong, {})).toThrow(
    /tracing\.queueMax: .*\n.*tracing\.endpoint|tracing\.endpoint/s
  )
  expect(() => tracingSettings(wrong, {})).toThrow(/tracing\.sampler\.ratio/)
  expect(() => tracingSettings(wrong, {})).toThrow(/tracing\.links/)
})
