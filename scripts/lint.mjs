#!/usr/bin/env node
/**
 * What every file has to look like: eslint, prettier, clang-format (skipped, and said so, where it is not installed).
 *   node scripts/lint.mjs [--fix]
 * Prints one line a check and exits 1 when one fails.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { answer, root } from './setup/shell.mjs'

const fix = process.argv.includes('--fix')
const bin = (path) => join(root, 'node_modules', path)

const nativeSources = ['native', 'binding', join('test', 'native')].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => join(folder, name))
)
const checks = [
  {
    name: 'eslint',
    command: [
      process.execPath,
      bin('eslint/bin/eslint.js'),
      '--max-warnings=0',
      ...(fix ? ['--fix'] : []),
      '.'
    ]
  },
  {
    name: 'prettier',
    command: [
      process.execPath,
      bin('prettier/bin/prettier.cjs'),
      '--log-level=warn',
      fix ? '--write' : '--check',
      '.'
    ]
  }
]
if (answer('clang-format', ['--version']) === undefined) {
  process.stdout.write('skipped clang-format: not installed (Debian: apt-get install clang-format)\n')
} else {
  const how = fix ? ['-i'] : ['--dry-run', '--Werror']
  checks.push({ name: 'clang-format', command: ['clang-format', ...how, ...nativeSources] })
}

for (const { name, command } of checks) {
  const passed = spawnSync(command[0], command.slice(1), { cwd: root, stdio: 'inherit' }).status === 0
  process.stdout.write(`${passed ? 'passed' : 'failed'} ${name}\n`)
  if (!passed) process.exitCode = 1
}
