/** Every example in the docstrings of the public API, and the one of the README, runs and prints what it says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import * as api from '../../lib/index.js'
import { examplesOf, runExample } from '../support/doc-examples.js'
import { root } from '../support/run-command.js'

const files = [
  'scales/sliding-window',
  'scales/multi-scale-windows',
  'scales/multi-scale-processor',
  'scales/incremental-persistence',
  'scales/streaming-tda-processor',
  'scales/point-rows',
  'scales/diagram-rows',
  'scales/update-rows',
  'errors',
  'config/load',
  'publishers/diagram-replica',
  'mesh/in-process-mesh',
  'mesh/embedded-broker',
  'mesh/kafka-mesh',
  'pipeline/daemon',
  'loadgen/stream-load-generator',
  'observability/tracing/distributed-tracer'
]
const hasKafka = await import('node-rdkafka').then(
  () => true,
  () => false
)
const needKafka = new Set(['mesh/embedded-broker', 'mesh/kafka-mesh'])
if (!hasKafka) process.stderr.write('skipped: the examples of the Kafka mesh (no node-rdkafka)\n')

for (const file of files.filter((name) => hasKafka || !needKafka.has(name))) {
  const examples = examplesOf(join(root, 'lib', `${file}.ts`))
  test(`${file} has examples`, () => expect(examples.length).toBeGreaterThan(0))
  for (const { name, code, expected } of examples) {
    test(`${file}: example of ${name}`, async () => {
      expect(expected.length).toBeGreaterThan(0)
      expect(await runExample(code, { ...api })).toEqual(expected)
    }, 30_000)
  }
}

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
