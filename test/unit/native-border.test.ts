/** The border between TypeScript and the native core: what is mirrored is equal, what is wrong is refused by code. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ErrorCode, NATIVE_ERROR_CODES, TdaError } from '../../lib/errors.js'
import {
  CHANGE_KIND,
  EMISSION,
  type EngineHandle,
  nativeAddon,
  type NativeEngineConfig,
  type StreamHandle,
  type WindowHandle
} from '../../lib/native.js'
import { ripsOptions } from '../support/rips-options.js'

const addon = nativeAddon()
const root = fileURLToPath(new URL('../../../', import.meta.url))
const source = (path: string): string => readFileSync(join(root, path), 'utf8')

function codeOf(call: () => unknown): ErrorCode | 'no error' {
  try {
    call()
  } catch (error) {
    if (error instanceof TdaError) return error.code
    throw error
  }
  return 'no error'
}

/** The addon as plain JavaScript sees it, for arguments that TypeScript would refuse. */
const untyped = addon as unknown as Record<string, (...args: readonly unknown[]) => unknown>
function codeOfCall(name: string, ...args: readonly unknown[]): ErrorCode | 'no error' {
  const call = untyped[name]
  if (call === undefined) throw new Error(`the addon has no ${name}`)
  return codeOf(() => call(...args))
}

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

function stream(
  options: Partial<Parameters<typeof addon.streamCreate>[0]> = {},
  values: readonly number[] = []
): StreamHandle {
  const handle = addon.streamCreate({
    dimension: 1,
    capacity: 100,
    timestamps: false,
    logPositions: false,
    ...options
  })
  cleanups.push(() => addon.streamRelease(handle))
  if (values.length > 0) addon.streamAppend(handle, Float64Array.from(values), null, null, null)
  return handle
}

type SeriesConfig = Exclude<NativeEngineConfig, { readonly filtration: 'rips' }>
const sublevel: SeriesConfig = {
  filtration: 'sublevel',
  channel: 0,
  window: { count: 10 },
  slide: { count: 1 },
  snapshotEvery: 0
}
function engine(over: StreamHandle, config: Partial<SeriesConfig> = {}): EngineHandle {
  const handle = addon.engineCreate(over, { ...sublevel, ...config })
  cleanups.push(() => addon.engineRelease(handle))
  return handle
}
function window(over: StreamHandle, count: number): WindowHandle {
  const handle = addon.windowCreate(over, { count })
  cleanups.push(() => addon.windowRelease(handle))
  return handle
}

describe('mirrors', () => {
  test('error codes are those of native/base/status.h', () => {
    const codes = [...source('native/base/status.h').matchAll(/case Status::\w+: return "(\w+)"/g)].map(
      (m) => m[1]
    )
    const declared = [...source('native/base/status.h').matchAll(/^ {2}k(\w+),/gm)].map((m) => m[1])
    expect(codes).toEqual(['OK', ...NATIVE_ERROR_CODES])
    expect(declared.map((name) => name?.replace(/(?<!^)[A-Z]/g, '_$&').toUpperCase())).toEqual(codes)
  })

  test('EMISSION is EmissionField of native/diagram/update.h', () => {
    const fields = [...source('native/diagram/update.h').matchAll(/^ {2}kEmission(\w+),?/gm)].map(
      (match, index) => {
        const name = match[1] ?? ''
        return [name.charAt(0).toLowerCase() + name.slice(1), index]
      }
    )
    expect(Object.fromEntries(fields)).toEqual(EMISSION)
  })

  test('CHANGE_KIND is ChangeKind of native/diagram/update.h', () => {
    const kinds = [...source('native/diagram/update.h').matchAll(/k(Removed|Added|Moved) = (\d)/g)]
    expect(Object.fromEntries(kinds.map(([, name, kind]) => [name?.toLowerCase(), Number(kind)]))).toEqual(
      CHANGE_KIND
    )
  })
})

describe('loading', () => {
  const copied = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'streaming-tda-'))
    cleanups.push(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    mkdirSync(join(folder, 'dist'))
    cpSync(join(root, 'dist/lib'), join(folder, 'dist/lib'), { recursive: true })
    return folder
  }
  const load = (folder: string): string =>
    execFileSync(process.execPath, [
      '--input-type=module',
      '-e',
      `const { nativeAddon } = await import(${JSON.stringify(join(folder, 'dist/lib/native.js'))});
       try { nativeAddon(); console.log('loaded') } catch (error) { console.log(error.code, error.message) }`
    ]).toString()

  test('a missing addon says what to run', () => {
    expect(load(copied())).toMatch(/^ADDON_UNAVAILABLE .*none of .*streaming_tda\.node.*npx cmake-js compile/)
  })

  test('an addon that does not load says so', () => {
    const folder = copied()
    mkdirSync(join(folder, 'build/Release'), { recursive: true })
    writeFileSync(join(folder, 'build/Release/streaming_tda.node'), 'not a library')
    expect(load(folder)).toMatch(/^ADDON_UNAVAILABLE .*does not load.*npx cmake-js rebuild/)
  })

  test('a prebuild of this platform is found', () => {
    const folder = copied()
    const { platform, arch } = process
    mkdirSync(join(folder, `prebuilds/${platform}-${arch}`), { recursive: true })
    cpSync(
      join(root, 'build/Release/streaming_tda.node'),
      join(folder, `prebuilds/${platform}-${arch}/streaming_tda.node`)
    )
    expect(load(folder)).toBe('loaded\n')
  })
})

describe('errors by code', () => {
  const one = Float64Array.of(1)

  test('INVALID_ARGUMENT: sizes and options of a stream', () => {
    const good = { dimension: 1, capacity: 10, timestamps: false, logPositions: false }
    for (const wrong of [
      { dimension: 0 },
      { dimension: 4097 },
      { dimension: 1.5 },
      { dimension: '1' },
      { capacity: 0 },
      { capacity: -1 },
      { capacity: NaN },
      { capacity: 2 ** 31 },
      { timestamps: 1 },
      { logPositions: undefined },
      { unorderedTimestamps: 'yes' }
    ]) {
      expect([wrong, codeOfCall('streamCreate', { ...good, ...wrong })]).toEqual([wrong, 'INVALID_ARGUMENT'])
    }
    expect(codeOfCall('streamCreate')).toBe('INVALID_ARGUMENT')
    expect(codeOfCall('streamCreate', 7)).toBe('INVALID_ARGUMENT')
  })

  test('INVALID_ARGUMENT: columns of a batch', () => {
    const plain = stream()
    expect(codeOfCall('streamAppend', plain, [1], null, null, null)).toBe('INVALID_ARGUMENT')
    expect(codeOfCall('streamAppend', plain, new Float32Array(1), null, null, null)).toBe('INVALID_ARGUMENT')
    expect(codeOfCall('streamAppend', plain)).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => addon.streamAppend(plain, one, one, null, null))).toBe('INVALID_ARGUMENT')
    const positioned = stream({ logPositions: true })
    expect(codeOf(() => addon.streamAppend(positioned, one, null, null, null))).toBe('INVALID_ARGUMENT')
    const half = Float64Array.of(0.5)
    expect(codeOf(() => addon.streamAppend(positioned, one, null, half, Uint32Array.of(0)))).toBe(
      'INVALID_ARGUMENT'
    )
    expect(codeOfCall('streamAppend', positioned, one, null, one, one)).toBe('INVALID_ARGUMENT')
  })

  test('INVALID_ARGUMENT: arrays that were transferred away or lie in shared memory', () => {
    const handle = stream()
    const gone = Float64Array.of(1)
    structuredClone(gone, { transfer: [gone.buffer] })
    expect(codeOf(() => addon.streamAppend(handle, gone, null, null, null))).toBe('INVALID_ARGUMENT')
    const shared = new Float64Array(new SharedArrayBuffer(8))
    expect(codeOf(() => addon.streamAppend(handle, shared, null, null, null))).toBe('INVALID_ARGUMENT')
    expect(addon.streamState(handle).next).toBe(0)
  })

  test('INVALID_ARGUMENT: windows, slides, filtrations and channels', () => {
    const plain = stream()
    const configs: readonly (readonly [Record<string, unknown>, RegExp])[] = [
      [{ filtration: 'ripz' }, /filtration: expected 'sublevel', 'superlevel' or 'rips'/],
      [{ filtration: 'rips' }, /rips: expected an object/],
      [{ channel: 1 }, /channel 1 of a stream with 1 channels/],
      [{ channel: -1 }, /channel: expected an integer/],
      [{ window: {} }, /window: expected exactly one/],
      [{ window: { count: 1, spanMs: 1 } }, /window: expected exactly one/],
      [{ window: { count: 0 } }, /window\.count/],
      [{ window: { spanMs: NaN } }, /window\.spanMs/],
      [{ window: { spanMs: 5 } }, /ordered timestamps/],
      [{ window: { count: 100 } }, /take 101 points, the stream holds 100/],
      [{ slide: {} }, /slide: expected exactly one/],
      [{ slide: { everyMs: 5 } }, /ordered timestamps/],
      [{ slide: { everyMs: -5 } }, /slide\.everyMs/],
      [{ slide: { byHand: false } }, /slide\.byHand/],
      [{ snapshotEvery: -1 }, /snapshotEvery/]
    ]
    for (const [wrong, message] of configs) {
      const create = (): unknown => untyped['engineCreate']?.(plain, { ...sublevel, ...wrong })
      expect(codeOf(create)).toBe('INVALID_ARGUMENT')
      expect(create).toThrow(message)
    }
    expect(() => addon.windowCreate(plain, { count: 101 })).toThrow(/101 points over a stream of at most 100/)
    expect(() => addon.windowCreate(plain, { spanMs: 1 })).toThrow(/ordered timestamps/)
    const unordered = stream({ timestamps: true, unorderedTimestamps: true })
    expect(codeOf(() => addon.windowCreate(unordered, { spanMs: 1 }))).toBe('INVALID_ARGUMENT')
    const sliding = engine(plain)
    expect(codeOf(() => addon.engineUpdate(sliding, 0, 0))).toBe('INVALID_ARGUMENT')
    expect(codeOfCall('engineAdvance', sliding, -1, false)).toBe('INVALID_ARGUMENT')
    expect(codeOfCall('engineAdvance', sliding, 0, 'no')).toBe('INVALID_ARGUMENT')
    expect(codeOfCall('windowPushOne', window(plain, 3), '1')).toBe('INVALID_ARGUMENT')
    expect(codeOfCall('useErrorClass', 7)).toBe('INVALID_ARGUMENT')
  })

  test('NON_FINITE_POINT, WRONG_DIMENSION, TIMESTAMP_BACKWARDS: nothing is applied', () => {
    const plain = stream({ dimension: 2 })
    const append = (...values: number[]): ErrorCode | 'no error' =>
      codeOf(() => addon.streamAppend(plain, Float64Array.from(values), null, null, null))
    expect(append(1, 2, 3, NaN)).toBe('NON_FINITE_POINT')
    expect(append(1, -Infinity)).toBe('NON_FINITE_POINT')
    expect(append(1, 2, 3)).toBe('WRONG_DIMENSION')
    expect(addon.streamState(plain).next).toBe(0)
    const stamped = stream({ timestamps: true })
    const at = (...times: number[]): ErrorCode | 'no error' =>
      codeOf(() =>
        addon.streamAppend(stamped, new Float64Array(times.length), Float64Array.from(times), null, null)
      )
    expect(at(5, 4)).toBe('TIMESTAMP_BACKWARDS')
    expect(at(5)).toBe('no error')
    expect(at(4)).toBe('TIMESTAMP_BACKWARDS')
    expect(at(NaN)).toBe('NON_FINITE_POINT')
    expect(addon.streamState(stamped).next).toBe(1)
    expect(codeOf(() => addon.seriesBatchDiagram(Float64Array.of(NaN), 'sublevel'))).toBe('NON_FINITE_POINT')
  })

  test('CAPACITY_EXCEEDED: points that are still needed are never overwritten', () => {
    const handle = stream({ capacity: 12 }, [1, 2, 3])
    const late = engine(handle)
    const nine = new Float64Array(9)
    addon.streamAppend(handle, nine, null, null, null)
    expect(() => addon.streamAppend(handle, Float64Array.of(1), null, null, null)).toThrow(
      /1 more points do not fit in a ring of 12 whose points from 0 to 12 are still needed/
    )
    expect(codeOf(() => addon.streamAppend(handle, Float64Array.of(1), null, null, null))).toBe(
      'CAPACITY_EXCEEDED'
    )
    addon.engineAdvance(late, 12, false)
    expect(addon.streamAppend(handle, Float64Array.of(1), null, null, null)).toBe(13)
  })

  test('POINT_NOT_RETAINED: ranges that have left or have not arrived', () => {
    const handle = stream({ capacity: 4 }, [1, 2, 3, 4])
    addon.streamAppend(handle, Float64Array.of(5, 6), null, null, null)
    expect(addon.streamState(handle)).toMatchObject({ first: 2, next: 6, capacity: 4 })
    expect(codeOf(() => addon.streamRead(handle, 1, 3))).toBe('POINT_NOT_RETAINED')
    expect(codeOf(() => addon.streamRead(handle, 3, 7))).toBe('POINT_NOT_RETAINED')
    expect(codeOf(() => addon.streamRead(handle, 4, 3))).toBe('POINT_NOT_RETAINED')
    const small = window(handle, 2)
    expect(codeOf(() => addon.windowAdvance(small, 7))).toBe('POINT_NOT_RETAINED')
    const roomy = stream({}, [1, 2, 3])
    const behind = engine(roomy)
    addon.engineAdvance(behind, 2, false)
    expect(codeOf(() => addon.engineAdvance(behind, 1, false))).toBe('POINT_NOT_RETAINED')
    expect(() => addon.engineAdvance(behind, 4, true)).toThrow(/advance to 4; it stands at 2 .* up to 3/)
  })

  test('WINDOW_EMPTY: more points dropped than there are', () => {
    const handle = stream({}, [1, 2, 3])
    expect(codeOf(() => addon.windowAdvance(window(handle, 2), 3, 4))).toBe('WINDOW_EMPTY')
    expect(codeOf(() => addon.engineUpdate(engine(handle, { slide: { byHand: true } }), 3, 4))).toBe(
      'WINDOW_EMPTY'
    )
  })

  test('corrections: only by hand over a cloud, of a point that is there', () => {
    const rips = {
      filtration: 'rips',
      rips: ripsOptions()
    }
    const handle = stream({ dimension: 2 }, [0, 0, 1, 0, 0, 1])
    const sliding = engine(handle)
    expect(() => addon.engineRemove(sliding, 0)).toThrow(/engineRemove: only an engine with slide/)
    const cloud = engine(handle, { ...rips, slide: { byHand: true }, window: { count: 5 } } as never)
    addon.engineUpdate(cloud, 3, 0)
    expect(() => addon.engineMove(cloud, 3, Float64Array.of(1, 1))).toThrow(
      /point 3 is not among the points \[0, 3\), or was removed/
    )
    expect(() => addon.engineMove(cloud, 1, Float64Array.of(1))).toThrow(/expected 2 values, got 1/)
    expect(codeOf(() => addon.engineMove(cloud, 1, Float64Array.of(1, NaN)))).toBe('NON_FINITE_POINT')
    expect(codeOfCall('engineMove', cloud, 1, [1, 1])).toBe('INVALID_ARGUMENT')
    expect(codeOfCall('engineRemove', cloud, -1)).toBe('INVALID_ARGUMENT')
    expect(codeOfCall('engineRemove', handle, 1)).toBe('UNKNOWN_HANDLE')
    expect(addon.engineRemove(cloud, 1).length).toBeGreaterThan(0)
    expect(codeOf(() => addon.engineRemove(cloud, 1))).toBe('POINT_NOT_RETAINED')
    expect(addon.engineMove(cloud, 1, Float64Array.of(2, 0)).length).toBeGreaterThan(0)
  })

  test('UNKNOWN_HANDLE: released, never given, of another kind, no number', () => {
    const handle = addon.streamCreate({ dimension: 1, capacity: 50, timestamps: false, logPositions: false })
    const running = addon.engineCreate(handle, sublevel)
    const points = addon.windowCreate(handle, { count: 2 })
    expect(codeOfCall('engineState', handle)).toBe('UNKNOWN_HANDLE')
    expect(codeOfCall('streamState', running)).toBe('UNKNOWN_HANDLE')
    expect(codeOfCall('windowAdvance', running, 0)).toBe('UNKNOWN_HANDLE')
    for (const wrong of [undefined, null, -1, 0, 1.5, NaN, Infinity, 2 ** 53, 1e9, '1', {}, points]) {
      expect([wrong, codeOfCall('streamState', wrong)]).toEqual([wrong, 'UNKNOWN_HANDLE'])
    }
    addon.streamRelease(handle)
    expect(codeOf(() => addon.streamRelease(handle))).toBe('UNKNOWN_HANDLE')
    expect(addon.engineAdvance(running, 0, false).emissions).toHaveLength(0) // keeps the points alive
    addon.engineRelease(running)
    addon.windowRelease(points)
    expect(codeOf(() => addon.engineRequestSnapshot(running))).toBe('UNKNOWN_HANDLE')
    expect(codeOf(() => addon.engineDiagram(running))).toBe('UNKNOWN_HANDLE')
    expect(codeOf(() => addon.windowRelease(points))).toBe('UNKNOWN_HANDLE')
  })
})

describe('calls', () => {
  test('columns come back as they went in, -0 as 0', () => {
    const handle = stream({ dimension: 2, timestamps: true, logPositions: true })
    const values = Float64Array.of(1, 2, 3, -0)
    const columns = [Float64Array.of(10, 11), Float64Array.of(7, 7), Uint32Array.of(0, 1)] as const
    expect(addon.streamAppend(handle, values, ...columns)).toBe(2)
    const read = addon.streamRead(handle, 0, 2)
    expect(Array.from(read.values)).toEqual([1, 2, 3, 0])
    expect(Array.from(read.timestamps ?? [])).toEqual([10, 11])
    expect(Array.from(read.offsets ?? [])).toEqual([7, 7])
    expect(Array.from(read.indices ?? [])).toEqual([0, 1])
    const bare = addon.streamRead(stream({}, [1]), 0, 1)
    expect([bare.timestamps, bare.offsets, bare.indices]).toEqual([null, null, null])
  })

  test('an emission names its window and its pairs by log position', () => {
    const handle = stream({ timestamps: true, logPositions: true })
    const log = engine(handle, { window: { count: 3 }, slide: { count: 4 }, snapshotEvery: 1 })
    addon.streamAppend(
      handle,
      Float64Array.of(9, 1, 4, 2),
      Float64Array.of(100, 200, 300, 400),
      Float64Array.of(50, 50, 51, 52),
      Uint32Array.of(0, 1, 0, 0)
    )
    const { emissions, changes, snapshots } = addon.engineAdvance(log, 4, false)
    expect(Array.from(emissions)).toEqual([1, NaN, 3, 1, 50, 1, 200, 52, 0, 400, 3, 2, 2, 2])
    const rows = [1, 0, 1, Infinity, 50, 1, -1, 0, 1, 0, 2, 4, 52, 0, 51, 0]
    expect(Array.from(changes)).toEqual(rows)
    expect(Array.from(snapshots)).toEqual(rows)
    expect(addon.engineState(log)).toMatchObject({ first: 1, next: 4, sequence: 1, pairs: 2 })
  })

  test('shape: of the pairs of a square one is a loop', () => {
    const handle = stream({ dimension: 2 }, [0, 0, 1, 0, 1, 1, 0, 1])
    const rips = ripsOptions({ pointsMax: 10 })
    const { window: span, slide, snapshotEvery } = sublevel
    const square = addon.engineCreate(handle, {
      filtration: 'rips',
      rips,
      window: span,
      slide,
      snapshotEvery
    })
    cleanups.push(() => addon.engineRelease(square))
    addon.engineAdvance(square, 4, false)
    expect(addon.engineState(square)).toMatchObject({ pairs: 5, loops: 1, voids: 0 })
    addon.streamAppend(handle, Float64Array.of(0.5, 0.5), null, null, null) // its centre fills it
    addon.engineAdvance(square, 5, false)
    expect(addon.engineState(square)).toMatchObject({ pairs: 5, loops: 0 })
  })

  test('with discard emissions count and nothing is returned', () => {
    const handle = stream({}, [3, 1, 4, 2])
    const quiet = engine(handle, { snapshotEvery: 1 })
    const { emissions, changes, snapshots } = addon.engineAdvance(quiet, 4, true)
    expect([emissions.length, changes.length, snapshots.length]).toEqual([0, 0, 0])
    expect(addon.engineState(quiet)).toMatchObject({ sequence: 4, pairs: 2 })
  })

  test('a window pushes and reads back what left, as far as there is room', () => {
    const handle = stream({ timestamps: true })
    const three = window(handle, 3)
    const room = new Float64Array(2)
    const times = new Float64Array(2)
    expect(
      addon.windowPush(
        three,
        Float64Array.of(1, 2, 3, 4, 5, 6),
        Float64Array.of(1, 2, 3, 4, 5, 6),
        room,
        times
      )
    ).toBe(3)
    expect([Array.from(room), Array.from(times)]).toEqual([
      [1, 2],
      [1, 2]
    ])
    expect(addon.windowAdvance(three, 6, 5)).toEqual([5, 6])
    const plain = window(stream(), 1)
    expect(addon.windowPushOne(plain, 5)).toBeNaN()
    expect(addon.windowPushOne(plain, 6)).toBe(5)
  })
})
