/** Processes that outlive the script that started them. */
import { spawnSync } from 'node:child_process'

/** Process ids come round again: one is ours only if its command line still has all of `words`. */
export function isOurs(pid, ...words) {
  if (pid === undefined) return false
  const seen = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  return seen.status === 0 && words.every((word) => seen.stdout.includes(word))
}
