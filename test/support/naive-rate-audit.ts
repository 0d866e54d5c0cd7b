/** The dull twin of the rate audit: every second that begins at a multiple of 10 ms, counted from the lists of times. */
export function naiveRateAudit(
  scheduledMs: readonly number[],
  sentMs: readonly number[],
  untilMs: number
): { seconds: number; outside: number } {
  const within = (times: readonly number[], from: number): number =>
    times.filter((time) => time >= from && time < from + 1000).length
  let seconds = 0
  let outside = 0
  for (let from = 0; from + 1000 <= untilMs; from += 10) {
    const scheduled = within(scheduledMs, from)
    seconds++
    if (Math.abs(within(sentMs, from) - scheduled) > Math.max(1, scheduled / 100)) outside++
  }
  return { seconds, outside }
}
