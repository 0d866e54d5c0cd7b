/** What a check of `doctor` answers. */

/** Every check there is, with the chapter of docs/runbook.md that goes on where its hint ends. */
export const CHECKS = {
  node: 'TdaDaemonDown',
  addon: 'TdaDaemonDown',
  'node-rdkafka': 'TdaDaemonDown',
  'columnar reader': 'TdaLagGrowing',
  configuration: 'TdaDaemonDown',
  memory: 'TdaMemoryHigh',
  disk: 'TdaDaemonDown',
  brokers: 'TdaBrokerDown',
  topics: 'TdaWaitingForPartitions',
  lag: 'TdaLagGrowing',
  clock: 'TdaLatencyHigh',
  daemon: 'TdaDaemonDown'
} as const
export type CheckName = keyof typeof CHECKS

export interface Finding {
  readonly check: CheckName
  /** `note`: worth knowing, not wrong. */
  readonly status: 'ok' | 'note' | 'wrong'
  /** What is the case. */
  readonly text: string
  /** What to do; only where something is wrong. */
  readonly todo?: string
  /** Chapter of docs/runbook.md; only where something is wrong. */
  readonly chapter?: string
}

export const ok = (check: CheckName, text: string): Finding => ({ check, status: 'ok', text })
export const note = (check: CheckName, text: string): Finding => ({ check, status: 'note', text })
export const wrong = (
  check: CheckName,
  text: string,
  todo: string,
  chapter: string = CHECKS[check]
): Finding => ({
  check,
  status: 'wrong',
  text,
  todo,
  chapter
})

/** An error message as text and what to do: messages of this package say both, with a semicolon between. */
export function wrongBy(check: CheckName, error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error)
  const [text = '', ...todo] = message.split('; ')
  return wrong(check, text, todo.join('; ') || 'see the message')
}
