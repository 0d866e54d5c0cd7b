import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { loadConfig, parseConfig } from '../../../lib/config/load.js'
import { requireMemory } from '../../../lib/config/memory.js'
import { configReference, EXAMPLE, knownKeys, RIPS_EXAMPLE } from '../../../lib/config/reference.js'
import { configSchema } from '../../../lib/config/schema.js'
import { root } from '../../support/run-command.js'

test('docs/configuration.md is what the schema says; if not: streaming-tda config-reference > docs/configuration.md', () => {
  expect(readFileSync(join(root, 'docs/configuration.md'), 'utf8')).toBe(configReference())
})

/** Every option of the schema by its path, found without the code under test. */
function optionsOf(schema: z.core.JSONSchema.BaseSchema, path: string): string[] {
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, option]) =>
    optionsOf(option as z.core.JSONSchema.BaseSchema, path === '' ? key : `${path}.${key}`)
  )
  const { items } = schema
  if (typeof items === 'object' && 'properties' in items) return optionsOf(items, `${path}[]`)
  return inner.length > 0 && !path.includes('.') ? inner : [path, ...inner] // sections of options are headings
}

test('every option of the schema has its values, its default and its meaning', () => {
  const options = optionsOf(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }), '')
  expect(options).toEqual(expect.arrayContaining(['delivery', 'scales[].embedding.delay', 'kafka.brokers']))
  const rows = configReference().matchAll(/^\| `([^`]+)` \| (.*?) \| (.*?) \| (.*) \|$/gm)
  const cells = new Map([...rows].map(([, option, ...rest]) => [option, rest]))
  expect([...cells.keys()]).toEqual(options)
  for (const [values = '', fallback = '', meaning = ''] of cells.values()) {
    expect(values).toMatch(/\S/)
    expect(fallback).toMatch(/^(`.+`|optional|\*\*required\*\*)$/)
    expect(meaning.length).toBeGreaterThan(10)
  }
  expect(cells.get('delivery')).toEqual([
    '`exactly-once`, `at-least-once`',
    '`exactly-once`',
    expect.stringContaining('one Kafka transaction')
  ])
})

test('the Rips scales of the reference are valid', () => {
  const withRips = EXAMPLE.replace('publish:', `${RIPS_EXAMPLE}publish:`)
  expect(parseConfig(withRips, 'example.yaml', 'broker').scales).toHaveLength(4)
})

const readme = readFileSync(join(root, 'README.md'), 'utf8')

test.each([
  ['the reference', EXAMPLE],
  ['README.md', /```yaml\n(.*?)```/s.exec(readme)?.[1] ?? '']
])('the example of %s is valid and fits a small machine', (name, text) => {
  const config = parseConfig(text, name, 'broker')
  expect(config.scales).toHaveLength(2)
  requireMemory(config, 4 * 2 ** 30)
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
