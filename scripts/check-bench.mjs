#!/usr/bin/env node
/** Every suite once, tiny: it runs, verifies itself, and prints JSON lines with the documented fields and nothing else. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './setup/shell.mjs'

const main = join(root, 'dist', 'lib', 'cli', 'main.js')
const common = ['suite', 'case', 'params', 'machine', 'versions', 'repetitions', 'checksum']
const runs = [
  ['series --window 1000 --points 300000', 3, ['nsPerPoint', 'pointsPerSecond']],
  [
    'series --window 100000 --points 300000 --case noise',
    1,
    ['nsPerPoint', 'pointsPerSecond', 'bytesPerPoint']
  ],
  ['series --window 1000 --points 300000 --api', 3, ['nsPerPoint', 'pointsPerSecond']],
  ['windows --points 300000', 2, ['nsPerPoint', 'pointsPerSecond', 'p50Ns', 'p95Ns', 'p99Ns']],
  [
    'rips --window 200 --slides 100',
    4,
    ['meanMs', 'p50Ms', 'p90Ms', 'p99Ms', 'maxMs', 'pairsChanged', 'bytes']
  ],
  ['rips --window 200 --slides 100 --max-dimension 0 --cloud uniform', 1, ['meanMs', 'pointsPerSecond']],
  ['batch --window 200 --repetitions 2', 4, ['meanMs', 'p50Ms', 'maxMs', 'columns']],
  ['metrics --pairs 2 --records 20000 --idle 100', 2, []],
  ['tracing --pairs 2 --records 8192', 2, ['cpuNsPerRecordOff', 'cpuNsPerRecord']],
  ['pipeline --streams 4 --records 20000 --repetitions 1', 1, ['recordsPerSecond', 'p50Ms', 'p99Ms']],
  ['pipeline --streams 1000 --records 20000 --repetitions 1', 1, ['recordsPerSecond', 'p50Ms', 'p99Ms']]
]

// At least once: on an idle transactional topic the end is a marker, which the suite's reader of results waits for.
const kafka = 'kafka --seconds 2 --warmup 1 --streams 2 --delivery at-least-once'
if (process.env.KAFKA_BROKERS) {
  for (const [name, rate] of [
    ['single', 1000],
    ['batched', 20],
    ['latency', 1000]
  ]) {
    const figures = ['recordsPerSecond', 'pointsPerSecond', 'p50Ms', 'p99Ms']
    runs.push([`${kafka} --case ${name} --rate ${rate}`, 1, figures, ['lagSlope', 'lagMax']])
  }
} else {
  process.stderr.write('SKIPPED: bench kafka, because KAFKA_BROKERS names no broker\n')
}

for (const [command, cases, figures, numbers = []] of runs) {
  const args = [main, 'bench', ...command.split(' '), '--json']
  const output = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit']
  })
  process.stdout.write(output)
  const results = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  if (results.length !== cases)
    throw new Error(`bench ${command}: ${results.length} results, expected ${cases}`)
  for (const result of results) {
    const absent = common.filter((field) => result[field] === undefined)
    const wrong = [
      ...figures.filter((field) => !(result[field] > 0)),
      ...numbers.filter((field) => !Number.isFinite(result[field]))
    ]
    if (absent.length > 0 || wrong.length > 0) {
      throw new Error(
        `bench ${command}: missing ${absent.join(', ') || 'nothing'}, not positive ${wrong.join(', ') || 'none'}`
      )
    }
  }
}
