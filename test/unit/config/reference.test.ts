import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { loadConfig, parseConfig } from '../../../lib/config/load.js'
import { requireMemory } from '../../../lib/config/memory.js'
import { configReference, EXAMPLE, knownKeys, RIPS_EXAMPLE } from '../../../lib/config/reference.js'
import { root } from '../../support/run-command.js'

test('docs/configuration.md is what the schema says; if not: streaming-tda config-reference > docs/configuration.md', () => {
  expect(readFileSync(join(root, 'docs/configuration.md'), 'utf8')).toBe(configReference())
})

test('every option has a meaning', () => {
  const rows = configReference()
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  expect(rows.length).toBeGreaterThan(30)
  for (const row of rows) expect(row).toMatch(/\| [^|]{10,} \|$/)
})

test('the examples of the reference are valid', () => {
  expect(parseConfig(EXAMPLE, 'example.yaml', 'broker').scales).toHaveLength(2)
  const withRips = EXAMPLE.replace('publish:', `${RIPS_EXAMPLE}publish:`)
  expect(parseConfig(withRips, 'example.yaml', 'broker').scales).toHaveLength(4)
})

const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.yaml'))

test.each(examples)('examples/%s is valid and fits a small machine', async (name) => {
  const config = await loadConfig(join(root, 'examples', name), name === 'daemon.yaml' ? 'broker' : 'file')
  requireMemory(config, 4 * 2 ** 30)
})

test('known keys of a path', () => {
  expect(knownKeys(['scales', 3])).toContain('window')
  expect(knownKeys(['input', 'timestamp'])).toEqual(['from', 'field', 'unit'])
  expect(knownKeys(['nowhere', 'at all'])).toEqual([])
})
