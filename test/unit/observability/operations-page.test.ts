import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { REJECT_REASONS } from '../../../lib/adapters/decoder.js'
import { createMetrics } from '../../../lib/observability/metrics.js'
import { root } from '../../support/run-command.js'

test('docs/metrics.md names every metric', async () => {
  const page = readFileSync(join(root, 'docs/metrics.md'), 'utf8')
  const names = [...(await createMetrics().text()).matchAll(/^# TYPE (tda_\w+)/gm)].map(([, name]) => name)
  expect(names.length).toBeGreaterThan(15)
  const named = [...page.matchAll(/^\| `(tda_\w+)`/gm)].map(([, name]) => name)
  expect(named.sort()).toEqual(names.sort())
})

test('docs/messages.md names every reason of a dead letter', () => {
  const page = readFileSync(join(root, 'docs/messages.md'), 'utf8')
  const named = [...page.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, name]) => name)
  expect(named).toEqual(expect.arrayContaining([...REJECT_REASONS]))
})
