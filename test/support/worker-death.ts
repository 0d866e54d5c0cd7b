/**
 * A program: a pipeline whose only worker thread is terminated with work on it. Prints what the pipeline ended with. It
 * runs in a process of its own because `process.on('worker')`, which names the thread, does not reach inside jest.
 */
import type { Worker } from 'node:worker_threads'
import { validateConfig } from '../../lib/config/load.js'
import type { TdaError } from '../../lib/errors.js'
import { assigned, batches, MemorySink, pipelineOf, records, ScriptedSource } from './pipeline-world.js'

const threads: Worker[] = []
process.on('worker', (worker) => threads.push(worker))

const config = validateConfig({
  input: { channels: ['x'] },
  pipeline: { workers: 1 },
  scales: [{ name: 'a', window: 1000, filtration: 'sublevel' }]
})
const sink = new MemorySink()
const publish = sink.publish.bind(sink)
let terminated = false
sink.publish = async (updates) => {
  if (!terminated) {
    terminated = true
    void threads[0]!.terminate()
  }
  await publish(updates)
}
const log = records(Array.from({ length: 200_000 }, (_, i) => ({ x: (i * 7919) % 1013 })))
const source = new ScriptedSource([assigned(), ...batches(log, 2_000)], false)
try {
  await pipelineOf(config, source, sink).run()
} catch (error) {
  const { code, message } = error as TdaError
  process.stdout.write(`${JSON.stringify({ code, message, threads: threads.length > 0 })}\n`)
}
