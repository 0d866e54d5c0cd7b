/** What tests on a real broker read of it: a topic whole, its growth, and what a run that nothing happens to makes of it. */
import type { Config } from '../../lib/config/schema.js'
import type { EventMesh, MeshEvent, MeshRecord } from '../../lib/mesh/event-mesh.js'
import { MemorySink, pipelineOf, ScriptedSource } from './pipeline-world.js'

/** All committed records of a topic, partition by partition. */
export async function readWhole(mesh: EventMesh, topic: string, partitions: number): Promise<MeshRecord[]> {
  const all: MeshRecord[] = []
  for (let partition = 0; partition < partitions; partition++) {
    for await (const records of mesh.readPartition(topic, partition)) all.push(...records)
  }
  return all
}

/** What one member that nothing happens to puts out for the log that is there. */
export async function undisturbedRun(
  mesh: EventMesh,
  config: Config,
  partitions: number
): Promise<MemorySink> {
  const log = await readWhole(mesh, config.input.topic, partitions)
  const assigned = Array.from({ length: partitions }, (_, partition) => ({
    partition,
    low: 0,
    resume: 0,
    committed: null
  }))
  const events: MeshEvent[] = [{ kind: 'assigned', partitions: assigned }]
  for (let at = 0; at < log.length; at += 300) {
    events.push({ kind: 'records', records: log.slice(at, at + 300) })
  }
  const sink = new MemorySink()
  await pipelineOf(config, new ScriptedSource(events), sink).run()
  return sink
}

/** Tells how many records come, as a reader of committed records sees them, until the signal aborts. */
export async function countRecords(
  mesh: EventMesh,
  topic: string,
  signal: AbortSignal,
  more: (records: number) => void
): Promise<void> {
  const reader = await mesh.subscribe(topic, { groupId: `${topic}-reader` })
  for await (const event of reader.events({ recordsMax: 1000, lingerMs: 0, signal })) {
    if (event.kind === 'revoked') event.done()
    if (event.kind === 'records') more(event.records.length)
  }
}
