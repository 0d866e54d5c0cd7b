/** `top` over HTTP at a daemon that really runs: what it shows is what went in and came out. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { top } from '../../lib/cli/top.js'
import type { DaemonFigures } from '../../lib/cli/top/daemon-figures.js'
import { validateConfig } from '../../lib/config/load.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { calmMetrics } from '../support/calm-metrics.js'
import { Reader } from '../support/mesh-conformance.js'
import { fakeTerminal } from '../support/fake-terminal.js'

const config = validateConfig({
  input: { channels: ['x'] },
  http: { port: 0 },
  pipeline: { workers: 1 },
  metrics: { streams: ['mote-1'] },
  scales: [
    { name: 'short', window: 8, slide: 4, filtration: 'sublevel' },
    { name: 'long', window: 32, slide: 8, filtration: 'superlevel' }
  ]
})
const STREAMS = 3
const POINTS = 960

test('a live view and a screen of a running daemon', async () => {
  const mesh = new InProcessEventMesh()
  const stop = new AbortController()
  const metrics = calmMetrics(config.metrics)
  const daemon = await createDaemon(config, { mesh, metrics, signal: stop.signal })
  const running = daemon.run()
  const results = new Reader(await mesh.subscribe(config.output.topic, { groupId: 'reader' }))
  await results.nextOf('assigned')

  const view = new AbortController()
  const terminal = fakeTerminal()
  const watching = top([daemon.url!], { once: false, json: true, every: 50 }, terminal, view.signal)
  const looks = (): DaemonFigures[] =>
    terminal
      .out()
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { daemons: [DaemonFigures] }).daemons[0])
  const until = async (holds: (figures: DaemonFigures) => boolean): Promise<DaemonFigures> => {
    for (;;) {
      const found = looks().find(holds)
      if (found) return found
      await delay(20)
    }
  }
  try {
    await until(({ state, pointsPerSecond }) => state === 'running' && pointsPerSecond === 0)
    const records = Array.from({ length: POINTS }, (_, i) => ({
      key: `mote-${i % STREAMS}`,
      value: `{"x":${(i * 7) % 11}}`
    }))
    await mesh.publish(config.input.topic, records)
    const perStream = POINTS / STREAMS
    const expected = STREAMS * (perStream / 4 + perStream / 8)
    await results.records(expected)
    const busy = await until(({ watched }) => (watched[0]?.pointsPerSecond ?? 0) > 0)
    expect(busy.watched[0]!.stream).toBe('mote-1')
    // A look may fall between points that enter and their diagrams, which a slow machine computes in more than 10 ms.
    await until(({ pointsPerSecond }) => (pointsPerSecond ?? 0) > 0)
    await until(({ compute }) => (compute?.p99Ms ?? 0) > 0)
    const settled = await until(
      ({ lag, pointsPerSecond, scales, warnings }) =>
        lag === 0 && pointsPerSecond === 0 && scales[1]?.points === 32 * STREAMS && warnings.length === 0
    )
    expect(settled).toMatchObject({
      away: null,
      streams: STREAMS,
      scales: [
        { scale: 'short', points: 8 * STREAMS },
        { scale: 'long', points: 32 * STREAMS }
      ],
      watched: [
        {
          stream: 'mote-1',
          scales: [
            { scale: 'short', points: 8 },
            { scale: 'long', points: 32 }
          ]
        }
      ],
      warnings: []
    })
    view.abort()
    expect(await watching).toBe(0)

    const screen = fakeTerminal()
    expect(await top([daemon.url!], { once: true, json: false, every: 10 }, screen)).toBe(0)
    for (const shown of ['running', 'short', 'long', 'mote-1']) expect(screen.out()).toContain(shown)
  } finally {
    view.abort()
    await watching
    await results.close()
    stop.abort()
    await running
    await mesh.close()
  }
  expect(await top([daemon.url!], { once: true, json: true, every: 1 }, fakeTerminal())).toBe(1)
})
