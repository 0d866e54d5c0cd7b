/** Every example in the docstrings of what works asynchronously runs and prints what it says. */
import { expect, test } from '@jest/globals'
import { inspect } from 'node:util'
import { fileURLToPath } from 'node:url'
import { validateConfig } from '../../lib/config/load.js'
import { EmbeddedBroker } from '../../lib/mesh/embedded-broker.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { MultiScaleProcessor } from '../../lib/scales/multi-scale-processor.js'
import { examplesOf } from '../support/doc-examples.js'

const scope = {
  EmbeddedBroker,
  InProcessEventMesh,
  KafkaEventMesh,
  MultiScaleProcessor,
  createDaemon,
  validateConfig
}
const files = [
  'mesh/in-process-mesh',
  'mesh/kafka-mesh',
  'mesh/embedded-broker',
  'pipeline/daemon',
  'scales/multi-scale-processor'
]

for (const file of files) {
  const examples = examplesOf(fileURLToPath(new URL(`../../../lib/${file}.ts`, import.meta.url)))
  test(`${file} has examples`, () => expect(examples.length).toBeGreaterThan(0))
  for (const { name, code, expected } of examples) {
    test(`${file}: example of ${name}`, async () => {
      expect(expected.length).toBeGreaterThan(0)
      expect(await runAsync(code)).toEqual(expected)
    }, 30_000)
  }
}

async function runAsync(code: string): Promise<string[]> {
  const printed: string[] = []
  const show = (value: unknown): string => (typeof value === 'string' ? value : inspect(value))
  const console = { log: (...values: readonly unknown[]) => printed.push(values.map(show).join(' ')) }
  const names = [...Object.keys(scope), 'console'].join(', ')
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is our own documentation
  const make = new Function(`return async ({ ${names} }) => {\n${code}\n}`) as () => (
    scope: object
  ) => Promise<void>
  await make()({ ...scope, console })
  return printed
}
