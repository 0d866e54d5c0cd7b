/**
 * What a schema cannot say: how the sections of a configuration depend on each other. Each check needs only the sections
 * it looks at, so that its findings stand beside the schema's own in one report.
 */
import type { ConfigIssue, ConfigPath } from './issues.js'
import { checkRips } from './rips-checks.js'
import type { Config, ScaleConfig } from './schema.js'

/** Where records come from: only a broker needs `kafka`; a file names its columns itself and has no record timestamps. */
export type ConfigUse = 'broker' | 'file' | 'library'

/** The sections that are valid by themselves. */
export interface ValidSections {
  readonly kafka?: Config['kafka']
  readonly input?: Config['input']
  readonly output?: Config['output']
  readonly publish?: Config['publish']
  readonly delivery?: Config['delivery']
  readonly spool?: Config['spool']
  /** `null` where a scale is not valid by itself. */
  readonly scales?: readonly (ScaleConfig | null)[]
}

/** Settings of librdkafka that the daemon needs for itself. */
const OWN_SETTINGS = [
  'bootstrap.servers',
  'metadata.broker.list',
  'group.id',
  'group.instance.id',
  'transactional.id',
  'isolation.level',
  'enable.auto.commit',
  'enable.auto.offset.store',
  // node-rdkafka's: without a report of every record nobody hears that it is out.
  'delivery.report.only.error',
  'dr_cb',
  'dr_msg_cb'
]

/** librdkafka's default of message.max.bytes, and what key and frame of a message may take of it. */
const MESSAGE_BYTES_MAX = 1_000_000
const FRAME_BYTES = 2_000

export function crossChecks(sections: ValidSections, use: ConfigUse): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const wrong = (path: ConfigPath, message: string): void => void issues.push({ path, message })
  if (sections.kafka !== undefined) checkKafka(sections.kafka, wrong)
  if (sections.kafka !== undefined && sections.publish !== undefined && use === 'broker') {
    checkMessageSize(sections.kafka, sections.publish, wrong)
  }
  if (sections.spool !== undefined && sections.delivery === 'exactly-once') {
    wrong(
      ['spool'],
      'only with delivery: at-least-once; exactly once, what did not go out is repeated from memory'
    )
  }
  if (sections.input !== undefined) checkInput(sections.input, use, wrong)
  if (sections.input !== undefined && sections.output !== undefined) {
    checkTopics(sections.input, sections.output, wrong)
  }
  if (sections.scales !== undefined) checkScales(sections.scales, sections.input, wrong)
  return issues
}

type Wrong = (path: ConfigPath, message: string) => void

function checkKafka(kafka: NonNullable<Config['kafka']>, wrong: Wrong): void {
  for (const setting of Object.keys(kafka.librdkafka)) {
    if (!OWN_SETTINGS.includes(setting)) continue
    wrong(['kafka', 'librdkafka', setting], `the daemon sets this itself; ${adviceOf(setting)}`)
  }
}

function adviceOf(setting: string): string {
  switch (setting) {
    case 'group.id':
      return 'use kafka.groupId'
    case 'group.instance.id':
    case 'transactional.id':
      return 'use kafka.instanceId'
    case 'isolation.level':
      return 'leave it out: records of aborted transactions are not read'
    case 'enable.auto.commit':
    case 'enable.auto.offset.store':
      return 'leave it out: offsets are committed when results are out'
    case 'delivery.report.only.error':
    case 'dr_cb':
    case 'dr_msg_cb':
      return 'leave it out: a record is out when its delivery report says so'
    default:
      return 'use kafka.brokers'
  }
}

/** Without this check the first message that is long enough would end the daemon, and again after every restart. */
function checkMessageSize(
  { librdkafka }: NonNullable<Config['kafka']>,
  { maxBytes }: Config['publish'],
  wrong: Wrong
): void {
  const limit = Number(librdkafka['message.max.bytes'] ?? MESSAGE_BYTES_MAX)
  if (!(maxBytes + FRAME_BYTES > limit)) return // no number: librdkafka says so
  wrong(
    ['publish', 'maxBytes'],
    `expected at most ${limit - FRAME_BYTES}, found ${maxBytes}: the producer takes messages up to ${limit} bytes; ` +
      'raise kafka.librdkafka["message.max.bytes"], and max.message.bytes of the topics'
  )
}

function checkInput(input: Config['input'], use: ConfigUse, wrong: Wrong): void {
  const { stream, timestamp, columns } = input
  checkField(['input', 'stream'], stream, wrong)
  if (input.format === 'binary' && use !== 'file') checkBinary(input, wrong)
  else checkField(['input', 'timestamp'], timestamp, wrong)
  if (use === 'file' && timestamp.from === 'record') {
    wrong(['input', 'timestamp', 'from'], 'a file has no record timestamps; use "field" or "none"')
  }
  checkUnique(['input', 'channels'], input.channels, wrong)
  if (use === 'file') return // the header of the file names the columns
  if (input.format !== 'csv') {
    if (columns !== undefined) wrong(['input', 'columns'], 'only for the format "csv"; leave it out')
    return
  }
  if (columns === undefined) {
    wrong(['input', 'columns'], 'expected the column names in order (the format is "csv"), found nothing')
    return
  }
  checkUnique(['input', 'columns'], columns, wrong)
  const check = (path: ConfigPath, name: string | undefined): void => {
    if (name === undefined || columns.includes(name)) return
    wrong(path, `expected one of input.columns (${columns.join(', ')}), found "${name}"`)
  }
  input.channels.forEach((channel, i) => check(['input', 'channels', i], channel))
  check(['input', 'stream', 'field'], stream.field)
  check(['input', 'timestamp', 'field'], timestamp.field)
}

/** Packed numbers have no names: the stream is the key, a timestamp leads its row. */
function checkBinary({ stream, timestamp }: Config['input'], wrong: Wrong): void {
  if (stream.from !== 'key')
    wrong(['input', 'stream', 'from'], 'a binary record has no such field; use "key"')
  if (timestamp.field !== undefined) {
    wrong(
      ['input', 'timestamp', 'field'],
      'a binary record has no names: its rows begin with the timestamp; leave it out'
    )
  }
  if (timestamp.from === 'field' && timestamp.unit === 'iso') {
    wrong(['input', 'timestamp', 'unit'], 'expected "ms" or "s" (the format is "binary"), found "iso"')
  }
}

function checkField(
  path: ConfigPath,
  setting: { readonly from: string; readonly field?: string | undefined },
  wrong: Wrong
): void {
  if (setting.from === 'field' && setting.field === undefined) {
    wrong([...path, 'field'], 'expected the name of the field (from is "field"), found nothing')
  }
  if (setting.from !== 'field' && setting.field !== undefined) {
    wrong([...path, 'field'], `only with from: field, but from is "${setting.from}"`)
  }
}

function checkUnique(path: ConfigPath, names: readonly string[], wrong: Wrong): void {
  names.forEach((name, i) => {
    if (names.indexOf(name) < i) wrong([...path, i], `"${name}" is there already`)
  })
}

function checkTopics(input: Config['input'], output: Config['output'], wrong: Wrong): void {
  const taken = new Map([[input.topic, 'the input topic']])
  for (const [key, what] of [
    ['topic', 'results'],
    ['deadLetterTopic', 'dead letters'],
    ['stateTopic', 'state']
  ] as const) {
    const other = taken.get(output[key])
    if (other !== undefined) wrong(['output', key], `is ${other}; ${what} need a topic of their own`)
    else taken.set(output[key], `output.${key}`)
  }
}

function checkScales(
  scales: readonly (ScaleConfig | null)[],
  input: Config['input'] | undefined,
  wrong: Wrong
): void {
  const names = scales.map((scale) => scale?.name)
  scales.forEach((scale, i) => {
    if (scale === null) return
    const earlier = names.indexOf(scale.name)
    if (earlier < i) wrong(['scales', i, 'name'], `"${scale.name}" is the name of scales[${earlier}] already`)
    checkRips(scale, ['scales', i], input?.channels, wrong)
    if (input !== undefined) checkScale(scale, ['scales', i], input, wrong)
  })
}

function checkScale(scale: ScaleConfig, path: ConfigPath, input: Config['input'], wrong: Wrong): void {
  const single = scale.filtration !== 'rips' || scale.embedding !== undefined
  if (single) checkChannel([...path, 'channel'], scale.channel, input.channels, wrong)
  if (input.timestamp.from !== 'none') return
  for (const [key, value] of [
    ['window', scale.window],
    ['slide', scale.slide]
  ] as const) {
    if ('spanMs' in value) {
      wrong([...path, key], 'a duration needs event time: set input.timestamp.from to "field" or "record"')
    }
  }
}

function checkChannel(
  path: ConfigPath,
  channel: string | undefined,
  known: readonly string[],
  wrong: Wrong
): void {
  if (channel === undefined ? known.length === 1 : known.includes(channel)) return
  const found = channel === undefined ? 'nothing' : `"${channel}"`
  wrong(path, `expected one of input.channels (${known.join(', ')}), found ${found}`)
}
