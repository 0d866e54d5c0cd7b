/** Processor time of another process, all threads. */
import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second, whatever its clock does. */
const MS_PER_TICK = 10
const USER_TIME = 11
const SYSTEM_TIME = 12

/** Milliseconds the process has had so far. @throws where /proc has no such process. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name before the last bracket may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * MS_PER_TICK
}
