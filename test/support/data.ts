/** Real data beside the checkout. Tests that need it say loudly when it is not there. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from '@jest/globals'

const SHARED = process.env['TDA_DATA'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))

/** Long runs: many minutes on a slow machine that does other things as well. */
export const MS_MAX = 900_000

/** A test over a file of the shared data; skipped, with a line on standard error, where the file is missing. */
export function testWithData(name: string, file: string, body: (path: string) => Promise<void>): void {
  const path = `${SHARED}/${file}`
  if (existsSync(path)) test(name, () => body(path), MS_MAX)
  else {
    process.stderr.write(
      `SKIPPED "${name}": ${path} is missing; set TDA_DATA to the folder of the shared data\n`
    )
    test.skip(name, () => body(path))
  }
}
