/**
 * What should have come out: the uninterrupted run over the log that is there, in this process, and for the last window of
 * every stream and scale the diagram by batch computation.
 */
import { createDecoder } from '../../lib/adapters/decoder.js'
import type { Config } from '../../lib/config/schema.js'
import type { DiagramMessage } from '../../lib/diagram.js'
import type { MeshRecord } from '../../lib/mesh/event-mesh.js'
import { nativeAddon } from '../../lib/native.js'
import { DiagramReplica } from '../../lib/publishers/diagram-replica.js'
import { expectedWindows } from '../../lib/rollout/expected-windows.js'
import { windowTwin } from '../../lib/rollout/window-twin.js'
import { planStream } from '../../lib/scales/scale-plan.js'
import { batches, runToEnd } from '../support/pipeline-world.js'

export interface Reference {
  /** Per stream, in order. */
  readonly values: ReadonlyMap<string, readonly string[]>
  /** `partition/offset reason` of every record that cannot be used. */
  readonly letters: readonly string[]
}

export const letterId = (record: Pick<MeshRecord, 'partition' | 'offset'>, reason: string): string =>
  `${record.partition}/${record.offset} ${reason}`

/** `log`: whole, in the order of each partition. */
export async function uninterrupted(config: Config, log: readonly MeshRecord[]): Promise<Reference> {
  const partitions = [...new Set(log.map(({ partition }) => partition))]
  const assigned = partitions.map((partition) => ({ partition, low: 0, resume: 0, committed: null }))
  const sink = await runToEnd(config, [{ kind: 'assigned', partitions: assigned }, ...batches(log, 500)])
  return {
    values: sink.values,
    letters: sink.rejected.map(({ record, reason }) => letterId(record, reason))
  }
}

/** In what the diagrams a consumer ends with differ from batch; nothing when in nothing. */
export function batchDifferences(
  config: Config,
  log: readonly MeshRecord[],
  { letters }: Reference,
  values: ReadonlyMap<string, readonly string[]>
): string[] {
  const refused = new Set(letters.map((letter) => letter.slice(0, letter.indexOf(' '))))
  const kept = log.filter(({ partition, offset }) => !refused.has(`${partition}/${offset}`))
  const { scales } = planStream(config)
  return createDecoder(config)
    .decode(kept)
    .streams.flatMap((points) => {
      const channels = config.input.channels.length
      const replicas = scales.map(() => new DiagramReplica())
      for (const value of values.get(points.stream) ?? []) {
        const message = JSON.parse(value) as DiagramMessage
        replicas[scales.findIndex(({ name }) => name === message.scale)]!.apply(message)
      }
      return scales.flatMap(({ name, engine }, i) => {
        const { window, slide } = engine
        if ('byHand' in slide) return []
        const windows = [...expectedWindows(points.count, points.timestamps, window, slide)]
        const last = windows.at(-1)
        if (last === undefined) return []
        const twin = windowTwin(nativeAddon(), { ...points, channels }, engine)
        twin.compute(last)
        const difference = twin.difference(replicas[i]!)
        return difference === null
          ? []
          : [`"${points.stream}" at scale "${name}" against batch: ${difference}`]
      })
    })
}
