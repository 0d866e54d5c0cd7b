import { expect, test } from '@jest/globals'
import { validateConfig } from '../../../lib/config/load.js'
import { InProcessEventMesh } from '../../../lib/mesh/in-process-mesh.js'
import { createDaemon } from '../../../lib/pipeline/daemon.js'
import { ScriptedSource } from '../../support/pipeline-world.js'

test('a daemon that gets no partitions says what it waits for', async () => {
  const config = validateConfig({
    kafka: { brokers: ['unused:9092'], librdkafka: { 'session.timeout.ms': 9000 } },
    delivery: 'at-least-once',
    input: { channels: ['x'] },
    pipeline: { workers: 1 },
    scales: [{ name: 'a', window: 4, filtration: 'sublevel' }]
  })
  const mesh = new InProcessEventMesh()
  mesh.subscribe = () => Promise.resolve(new ScriptedSource([], false))
  const stop = new AbortController()
  const said = await new Promise<string>((resolve, reject) => {
    const info = (_: object, text: string): void => {
      if (text.startsWith('waiting')) resolve(text)
    }
    const logger = { info, warn: info, error: info }
    createDaemon(config, { mesh, logger, signal: stop.signal, http: false })
      .then((daemon) => daemon.run())
      .catch(reject)
      .finally(() => void mesh.close())
  }).finally(() => stop.abort())
  expect(said).toContain('partitions of "tda.points"')
  expect(said).toContain('session.timeout.ms (9000 ms)')
})
