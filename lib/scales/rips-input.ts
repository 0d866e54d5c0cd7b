/** What users give a batch computation, turned into what the core takes, with defaults. */
import { TdaError } from '../errors.js'
import type { Metric, NativeBatchInput, NativeBatchOptions } from '../native.js'

/** Coordinates point by point (`points.length` is a multiple of `dimension`) and how their distances are formed. */
export interface RipsPoints {
  readonly points: ArrayLike<number>
  readonly dimension: number
  /** Default: euclidean. Cosine and correlation distances are 1 - cos, between 0 and 2. */
  readonly metric?: Metric
  /** Factors of the coordinates, one each, not negative. Default: all 1. */
  readonly weights?: ArrayLike<number>
}

/** Distances below the diagonal, row by row: d(1,0), d(2,0), d(2,1), d(3,0) ... Infinity: never connected. */
export interface RipsLowerDistances {
  readonly lowerDistances: ArrayLike<number>
}

/** The whole symmetric matrix, row by row, its diagonal zero. Infinity: never connected. */
export interface RipsDistances {
  readonly distances: ArrayLike<number>
}

/** Some distances of `pointCount` points: that of rows[k] and columns[k] is lengths[k]; all others never connect. */
export interface RipsSparseDistances {
  readonly pointCount: number
  readonly rows: ArrayLike<number>
  readonly columns: ArrayLike<number>
  readonly lengths: ArrayLike<number>
}

/** What batch persistence takes: points with a metric, or distances in one of three forms. */
export type RipsInput = RipsPoints | RipsLowerDistances | RipsDistances | RipsSparseDistances

/** Options of a batch computation that do not depend on who waits for it. */
export interface RipsBatchOptions {
  /** Highest dimension of homology, 0 to 16. Default 1. */
  readonly maxDimension?: number
  /** Coefficients are integers modulo this prime, 2 to 32 749. Default 2. */
  readonly modulus?: number
  /** Longer edges do not enter; a class alive there has death Infinity. Not negative. Default: none. */
  readonly threshold?: number
  /** Threads that list simplices, 1 to 256; the result does not depend on it. Default 1. */
  readonly threads?: number
  /** A cocycle for each pair of dimension 1 and higher. Default false. */
  readonly representatives?: boolean
  /** The computation gives up with MEMORY_LIMIT before it takes more. Default 2 GiB. */
  readonly memoryMaxBytes?: number
}

const MEMORY_MAX_BYTES = 2 ** 31

/** @throws {TdaError} INVALID_ARGUMENT for sparse ends that are no point numbers. O(numbers). */
export function nativeInput(input: RipsInput): NativeBatchInput {
  if ('points' in input) {
    const { points, dimension, metric = 'euclidean', weights } = input
    const factors = weights === undefined ? null : numbers(weights)
    return { kind: 'points', numbers: numbers(points), dimension, metric, weights: factors }
  }
  if ('lowerDistances' in input) return { kind: 'lower', numbers: numbers(input.lowerDistances) }
  if ('distances' in input) return { kind: 'full', numbers: numbers(input.distances) }
  const { pointCount, rows, columns, lengths } = input
  return {
    kind: 'sparse',
    points: pointCount,
    rows: pointNumbers(rows, 'rows'),
    columns: pointNumbers(columns, 'columns'),
    numbers: numbers(lengths)
  }
}

/** @throws {TdaError} INVALID_ARGUMENT for a modulus that is no prime. */
export function nativeOptions(options: RipsBatchOptions): NativeBatchOptions {
  const { modulus = 2 } = options
  if (!isPrime(modulus)) {
    throw new TdaError('INVALID_ARGUMENT', `modulus: expected a prime from 2 to 32749, got ${modulus}`)
  }
  return {
    maxDimension: options.maxDimension ?? 1,
    modulus,
    threshold: options.threshold ?? Infinity,
    threads: options.threads ?? 1,
    representatives: options.representatives ?? false,
    memoryMaxBytes: options.memoryMaxBytes ?? MEMORY_MAX_BYTES
  }
}

/** A copy where the core could not take the array itself. */
function numbers(from: ArrayLike<number>): Float64Array {
  return from instanceof Float64Array && from.buffer instanceof ArrayBuffer ? from : Float64Array.from(from)
}

function pointNumbers(from: ArrayLike<number>, name: string): Uint32Array {
  const to = Uint32Array.from(from)
  const wrong = to.findIndex((number, k) => number !== from[k])
  if (wrong >= 0) {
    throw new TdaError('INVALID_ARGUMENT', `${name}[${wrong}]: expected a point number, got ${from[wrong]}`)
  }
  return to
}

function isPrime(number: number): boolean {
  if (!Number.isInteger(number) || number < 2 || number > 32_749) return false
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return true
}
