/** A valid configuration with what a test changes in it. */
import { validateConfig } from '../../lib/config/load.js'
import type { Config } from '../../lib/config/schema.js'

export function configWith(input: Record<string, unknown> = {}, rest: Record<string, unknown> = {}): Config {
  return validateConfig({
    input: { channels: ['value'], ...input },
    scales: [
      {
        name: 'fast',
        window: 64,
        filtration: 'sublevel',
        channel: (input['channels'] as string[] | undefined)?.[0] ?? 'value'
      }
    ],
    ...rest
  })
}
