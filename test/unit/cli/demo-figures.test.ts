import { expect, test } from '@jest/globals'
import type { DiagramUpdate } from '../../../lib/diagram.js'
import { DemoFigures } from '../../../lib/cli/demo/figures.js'
import {
  loadSensorReadings,
  SENSOR_START_MS,
  toJsonRecord,
  type SensorReading
} from '../../../lib/cli/demo/sensor-data.js'

const reading = (stream: string, index: number): SensorReading => ({
  stream,
  index,
  timestampMs: SENSOR_START_MS + 5000 * index,
  humidity: 40,
  temperature: 20,
  label: 0
})

const update = (stream: string, newest: number, part?: DiagramUpdate['part']): DiagramUpdate => ({
  type: 'update',
  stream,
  scale: 's',
  sequence: newest + 1,
  partition: 0,
  window: {
    points: 1,
    full: true,
    first: [newest, 0],
    last: [newest, 0],
    firstTimestamp: SENSOR_START_MS + 5000 * newest,
    lastTimestamp: SENSOR_START_MS + 5000 * newest
  },
  removed: [],
  added: [],
  moved: [],
  features: { pairs: 0 },
  ...(part === undefined ? {} : { part })
})

test('the figures count each reading once, from its publication to the first update that contains it', () => {
  let now = 1000
  const figures = new DemoFigures(() => now)
  expect(figures.seconds()).toBe(0)
  expect(figures.recentLatency()).toEqual({ p50Ms: 0, p99Ms: 0 })
  figures.onPublish([reading('a', 0), reading('b', 0), reading('a', 1)])
  now = 1010
  figures.onMessage(update('a', 1)) // contains both readings of `a`
  figures.onMessage(update('a', 1)) // another scale: nothing new
  figures.onMessage(update('a', 0)) // a scale that is behind
  expect([figures.published, figures.seen, figures.updates]).toEqual([3, 2, 3])
  now = 1030
  figures.onMessage(update('b', 0, { index: 1, of: 2 })) // a later part of a split update
  figures.onMessage(update('b', 0, { index: 0, of: 2 }))
  expect([figures.seen, figures.updates, figures.seconds()]).toEqual([3, 4, 0.03])
  expect(figures.eventTimeMs).toBe(SENSOR_START_MS + 5000)
  expect(figures.totalLatency().p50Ms).toBeCloseTo(10, 1)
  expect(figures.totalLatency().p99Ms).toBeCloseTo(30, 1)
  expect(figures.pointsPerSecond()).toBeCloseTo(100, 5)
})

test('the live latency forgets what is older than ten seconds, the total does not', () => {
  let now = 0
  const figures = new DemoFigures(() => now)
  const observe = (index: number, latencyMs: number): void => {
    figures.onPublish([reading('a', index)])
    now += latencyMs
    figures.onMessage(update('a', index))
  }
  observe(0, 900)
  now = 6000
  observe(1, 1)
  expect(figures.recentLatency().p99Ms).toBeCloseTo(900, -1)
  now = 12_000
  observe(2, 1)
  now = 18_000
  observe(3, 1)
  expect(figures.recentLatency().p99Ms).toBeCloseTo(1, 1)
  expect(figures.totalLatency().p99Ms).toBeCloseTo(900, -1)
})

test('the readings are the four motes of the data set, in time order, 5 s apart', () => {
  const readings = loadSensorReadings()
  expect(readings).toHaveLength(18_914)
  expect(new Set(readings.map(({ stream }) => stream))).toEqual(
    new Set(['mote-1', 'mote-2', 'mote-3', 'mote-4'])
  )
  expect(readings.every(({ timestampMs }, i) => i === 0 || timestampMs >= readings[i - 1]!.timestampMs)).toBe(
    true
  )
  expect(readings[4]).toMatchObject({
    stream: 'mote-1',
    index: 1,
    timestampMs: Date.UTC(2010, 4, 9, 0, 0, 5)
  })
  expect(toJsonRecord(readings[0]!)).toBe(
    '{"timestamp":"2010-05-09T00:00:00.000Z","humidity":45.93,"temperature":27.97,"label":0}'
  )
})
