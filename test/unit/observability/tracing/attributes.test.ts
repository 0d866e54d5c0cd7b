/** docs/tracing.md lists every name, and what it says is of the semantic conventions is there, and not out of date. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from '@jest/globals'
import * as conventions from '@opentelemetry/semantic-conventions/incubating'
import { LINK, RELATION, SEMANTIC, SPAN, TDA } from '../../../../lib/observability/tracing/attributes.js'
import { root } from '../../../support/run-command.js'

const page = readFileSync(join(root, 'docs/tracing.md'), 'utf8')

/** First cells of the rows of the table under a heading. */
function listed(heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name!)
}

test('spans', () => {
  expect(listed('Spans').map((name) => name.split(' ')[0])).toEqual(Object.values(SPAN))
})

test('attributes and relations', () => {
  const names = [...Object.values(SEMANTIC), ...Object.values(TDA), ...Object.values(LINK)]
  expect(listed('Attributes').sort()).toEqual(names.sort())
  expect(listed('Links')).toEqual([LINK.relation, ...Object.values(RELATION)])
})

test.each(Object.values(SEMANTIC))('%s is a name of the semantic conventions, and not deprecated', (name) => {
  const constant = Object.entries(conventions).find(
    ([key, value]) => key.startsWith('ATTR_') && value === name
  )?.[0]
  expect(constant).toBeDefined()
  const require = createRequire(import.meta.url)
  const folder = dirname(require.resolve('@opentelemetry/semantic-conventions'))
  const text = ['experimental', 'stable']
    .map((kind) => readFileSync(join(folder, `${kind}_attributes.d.mts`), 'utf8'))
    .join('\n')
  const comment = text
    .slice(0, text.indexOf(`declare const ${constant!}:`))
    .split('/**')
    .at(-1)
  expect(comment).toContain('*/')
  expect(comment).not.toContain('@deprecated')
})
