/** `doctor`: looks at everything a daemon needs, says what is wrong, what to do, and where the runbook goes on. */
import { createColors } from 'picocolors'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import { textWithoutSecrets } from '../observability/redact.js'
import { wrongBy, type CheckName, type Finding } from './doctor/finding.js'
import {
  checkBrokers,
  checkClock,
  checkCluster,
  checkLag,
  checkStateTopic,
  checkTopics
} from './doctor/kafka.js'
import { checkAddon, checkClient, checkDisk, checkMemory, checkNode, checkReader } from './doctor/machine.js'
import { checkDaemon } from './doctor/running-daemon.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { write, type Terminal } from './terminal.js'
import { daemonUrl } from './top/scrape.js'

export interface DoctorOptions {
  readonly config?: string
  /** Address of a daemon that has to be running. */
  readonly daemon?: string
  readonly json: boolean
}

/** Answers 1 when something is wrong, else 0; findings are printed as they come. */
export async function doctor(options: DoctorOptions, terminal: Terminal): Promise<ExitCode> {
  const url = options.daemon === undefined ? null : daemonUrl(options.daemon)
  let wrong = 0
  for await (const finding of findings(options.config, url)) {
    if (finding.status === 'wrong') wrong += 1
    const text = options.json ? JSON.stringify(finding) : findingText(finding, terminal.colours)
    await write(terminal.stdout, `${textWithoutSecrets(text)}\n`)
  }
  if (!options.json) {
    const sum = wrong === 0 ? 'nothing is wrong' : `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong`
    await write(terminal.stdout, `\n${sum}\n`)
  }
  return wrong === 0 ? EXIT.done : EXIT.wrong
}

async function* findings(path: string | undefined, url: string | null): AsyncGenerator<Finding> {
  yield checkNode()
  yield checkAddon()
  const client = await checkClient(path !== undefined)
  yield client
  if (client.status === 'ok') yield checkReader()
  let config: Config | undefined
  if (path !== undefined) {
    try {
      config = await loadConfig(path, 'broker')
      yield { check: 'configuration', status: 'ok', text: `${path} is valid` }
    } catch (error) {
      for (const line of (error as Error).message.split('\n')) yield wrongBy('configuration', new Error(line))
    }
  }
  yield* await checked('disk', () => checkDisk(config?.spool))
  if (config !== undefined) {
    yield checkMemory(config)
    yield* kafkaFindings(config)
  }
  const own =
    config && config.http.port !== 0 ? `http://${localHost(config.http.host)}:${config.http.port}` : null
  if (url !== null) yield* await checked('daemon', () => checkDaemon(url, true))
  else if (own !== null) yield* await checked('daemon', () => checkDaemon(own, false))
}

async function* kafkaFindings(config: Config): AsyncGenerator<Finding> {
  const { brokers, groupId, librdkafka } = config.kafka!
  const reached = await checkBrokers(brokers)
  yield* reached
  if (reached.every(({ status }) => status === 'wrong')) return
  const { KafkaEventMesh } = await import('../mesh/kafka-mesh.js')
  let mesh
  try {
    mesh = await KafkaEventMesh.connect({ brokers, librdkafka, groupId })
  } catch (error) {
    yield wrongBy('brokers', error)
    return
  }
  const { topic } = config.input
  try {
    yield* await checked('brokers', async () => checkCluster(brokers, await mesh.brokers()))
    yield* await checked('topics', () => checkTopics(mesh, config))
    yield* await checked('topics', () => checkStateTopic(mesh, config))
    const partitions = await mesh.partitions(topic)
    if (partitions === 0) return
    yield* await checked('lag', async () => {
      const { groupOffsets } = await import('../mesh/group-offsets.js')
      const question = { brokers: brokers.join(','), settings: librdkafka, groupId, topic, partitions }
      return checkLag(mesh, topic, groupId, await groupOffsets(question))
    })
    yield* await checked('clock', () => checkClock(mesh, topic))
  } catch (error) {
    yield wrongBy('topics', error)
  } finally {
    await mesh.close()
  }
}

/** What a check throws is a finding too. */
async function checked(check: CheckName, look: () => Promise<Finding | Finding[]>): Promise<Finding[]> {
  try {
    return [await look()].flat()
  } catch (error) {
    if (!(error instanceof TdaError) && !(error instanceof Error)) throw error
    return [wrongBy(check, error)]
  }
}

/** An address that listens everywhere is reached here. */
function localHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

function findingText({ check, status, text, todo, chapter }: Finding, colours: boolean): string {
  const pc = createColors(colours)
  const mark = { ok: pc.green('ok   '), note: pc.yellow('note '), wrong: pc.red('wrong') }[status]
  const line = `${mark}  ${check.padEnd(13)}  ${text}`
  if (todo === undefined || chapter === undefined) return line
  return `${line}\n${' '.repeat(22)}${todo} (docs/runbook.md#${chapter.toLowerCase()})`
}
