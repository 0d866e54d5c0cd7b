/** What this machine brings: Node, the addon, Kafka's client, memory and disk. */
import { statfs } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { freemem } from 'node:os'
import { memoryLimit, predictMemory, processMemory } from '../../config/memory.js'
import type { Config } from '../../config/schema.js'
import { columnarObstacle } from '../../mesh/columnar-reader.js'
import { loadKafka } from '../../mesh/kafka-client.js'
import { nativeAddon, type NativeAddon } from '../../native.js'
import { note, ok, wrong, wrongBy, type Finding } from './finding.js'

const MIB = 2 ** 20
const DISK_BYTES_MIN = 256 * MIB
const DISK_RATIO_MIN = 0.05

export function checkNode(version = process.versions.node): Finding {
  const { engines } = createRequire(import.meta.url)('../../../../package.json') as {
    engines: { node: string }
  }
  const least = engines.node.replace('>=', '')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number)
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor))
    return ok('node', `Node ${version}`)
  return wrong('node', `Node ${version}, and ${least} is needed`, `install Node ${least} or later`)
}

export function checkAddon(load: () => Pick<NativeAddon, 'kernelTarget'> = nativeAddon): Finding {
  try {
    return ok('addon', `the native addon loads; Rips kernels for ${load().kernelTarget()}`)
  } catch (error) {
    return wrongBy('addon', error)
  }
}

/** Without a configuration the library and the file commands may be all that is wanted. */
export async function checkClient(needed: boolean, load = loadKafka): Promise<Finding> {
  try {
    const { librdkafkaVersion, features } = await load()
    return ok('node-rdkafka', `librdkafka ${librdkafkaVersion} (${features.join(', ')})`)
  } catch (error) {
    const finding = wrongBy('node-rdkafka', error)
    return needed ? finding : note('node-rdkafka', `${finding.text}; only "run" needs it`)
  }
}

/** Call it once Kafka's client is loaded: the reader shares its librdkafka. */
export function checkReader(obstacle = columnarObstacle()): Finding {
  if (obstacle === null) return ok('columnar reader', 'records can be read in columns')
  const how = 'to build it: npm rebuild streaming-tda (in a checkout: node scripts/setup.mjs)'
  return note('columnar reader', `${obstacle}; node-rdkafka reads, at several times the cost; ${how}`)
}

export function checkMemory(
  config: Config,
  available = { process: processMemory(), free: freemem() }
): Finding {
  const [predicted, limit] = [predictMemory(config).totalBytes, memoryLimit(config)]
  const need = `the windows need at most ${mib(predicted)} of ${mib(limit)}`
  if (predicted > limit) {
    return wrong(
      'memory',
      need,
      'lower streams.max or the windows, or raise limits.memoryMiB; "run --check" says by how much'
    )
  }
  if (limit > available.process) {
    return wrong(
      'memory',
      `limits.memoryMiB allows ${mib(limit)}, and this process may have ${mib(available.process)}`,
      'lower limits.memoryMiB, or give the container more'
    )
  }
  const free = Math.min(available.free, available.process)
  if (predicted > free) return note('memory', `${need}; ${mib(free)} are free now`)
  return ok('memory', `${need}; ${mib(free)} are free`)
}

/** Where logs, caches and spools go when nobody says otherwise. */
export async function checkDisk(folder: string): Promise<Finding> {
  const { bavail, blocks, bsize } = await statfs(folder)
  const [free, all] = [bavail * bsize, blocks * bsize]
  const text = `${mib(free)} of ${mib(all)} are free at ${folder}`
  if (free >= DISK_BYTES_MIN && free >= DISK_RATIO_MIN * all) return ok('disk', text)
  return wrong('disk', text, 'make room: logs and caches need some')
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`
}
