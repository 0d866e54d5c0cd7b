/** One line about the rows that could not be used; nothing when there are none. */
import type { RejectReason } from '../adapters/decoder.js'

export function rejectedText(rows: number, rejected: ReadonlyMap<RejectReason, number>): string {
  const total = [...rejected.values()].reduce((sum, count) => sum + count, 0)
  if (total === 0) return ''
  const reasons = [...rejected].map(([reason, count]) => `${count} ${reason}`).join(', ')
  return `streaming-tda: ${total} of ${rows} rows set aside: ${reasons}\n`
}
