/** What the producer of `bench pipeline` publishes, and how its parent speaks to it. */
import { series } from './inputs.js'

const VALUES = 65_536

/** Value of the `n`-th record of any topic, and its stream. The verification computes the same. */
export const pipelineValues = (): Float64Array => series('noise', VALUES)
export const streamOf = (n: number, streams: number): string => `stream-${n % streams}`

export interface ProducerTask {
  readonly kind: 'task'
  readonly topic: string
  readonly streams: number
  readonly records: number
  readonly aheadMax: number
}
/** Parent to producer. Counts are of one topic, since its beginning. */
export type ToProducer =
  | { readonly kind: 'connect'; readonly brokers: readonly string[] }
  | ProducerTask
  | { readonly kind: 'finished'; readonly topic: string; readonly records: number }
  | { readonly kind: 'end' }
/** Producer to parent, once connected. */
export type FromProducer = 'ready'
