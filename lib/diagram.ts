/** Persistence diagrams and their updates, as this package's users and its result topic see them. */

/**
 * The position of a point: `offset` in its partition's log (in a file: the data row; without a log: the arrival
 * number) and `index` within the record. In JSON the pair `[offset, index]`.
 */
export type PointNumber = readonly [offset: number, index: number]

/** One persistence pair. Zero-length pairs are never reported. */
export interface PersistencePair {
  /** Stable as long as the birth simplex lives: `dimension:offset.index[-offset.index]`. */
  readonly id: string
  /** Homology dimension. */
  readonly dimension: number
  /** Filtration value, in the unit of the channel; superlevel: births lie above deaths. */
  readonly birth: number
  /** The same; `null` for an essential class. */
  readonly death: number | null
  /** The vertices of the simplex that gives birth, oldest first. */
  readonly birthPoints: readonly PointNumber[]
  /** The vertices of the simplex that kills; empty for an essential class. */
  readonly deathPoints: readonly PointNumber[]
}

/** A pair that kept its birth and got another death. */
export type MovedPair = Pick<PersistencePair, 'id' | 'death' | 'deathPoints'>

/** The window an update speaks of, both ends inclusive. */
export interface WindowBounds {
  /** How many points are in it. */
  readonly points: number
  /** False until the window holds as many points, or spans as much time, as it ever will. */
  readonly full: boolean
  /** The oldest point. */
  readonly first: PointNumber
  /** The newest point. */
  readonly last: PointNumber
  /** Of the oldest point, milliseconds since the epoch; `null` in a stream without event time. */
  readonly firstTimestamp: number | null
  /** Of the newest point. */
  readonly lastTimestamp: number | null
}

/** What one emission of one stream and scale says. Applying updates 1..n to the empty diagram gives the diagram after n. */
export interface DiagramUpdate {
  readonly type: 'update'
  /** Name of the stream: the record's key, or the field the configuration names. */
  readonly stream: string
  /** Name of the scale in the configuration. */
  readonly scale: string
  /** 1, 2, 3, ... per stream and scale; begins anew, with a snapshot, where windows are `rebuilt`. */
  readonly sequence: number
  /** Of the input topic. */
  readonly partition: number
  readonly window: WindowBounds
  /** The epoch-aligned time this emission stands for; only with a slide by time. */
  readonly boundaryTimestamp?: number
  /** True while the window may lack points that retention removed before its partition was read; absent otherwise. */
  readonly rebuilt?: true
  /** Ids of the pairs that are gone. */
  readonly removed: readonly string[]
  /** Pairs that are new. */
  readonly added: readonly PersistencePair[]
  readonly moved: readonly MovedPair[]
  readonly features: Features
  /** Present when the update was split: this is part `index` (from 0) of `of`, all with one sequence number. */
  readonly part?: { readonly index: number; readonly of: number }
}

/** The whole diagram after update `sequence`; replaces what a consumer has. */
export interface DiagramSnapshot {
  readonly type: 'snapshot'
  readonly stream: string
  readonly scale: string
  /** That of the update it follows. */
  readonly sequence: number
  readonly partition: number
  readonly window: WindowBounds
  readonly rebuilt?: true
  /** The pairs by dimension, then by birth position; of a split snapshot those of this part. */
  readonly pairs: readonly PersistencePair[]
  readonly features: Features
  readonly part?: { readonly index: number; readonly of: number }
}

/** A line of `replay`, a value of the result topic. */
export type DiagramMessage = DiagramUpdate | DiagramSnapshot

/** Numbers that summarise a diagram, exact at emission. */
export interface Features {
  /** Pairs in the diagram, essential ones included. */
  readonly pairs: number
}
