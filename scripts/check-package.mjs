#!/usr/bin/env node
/**
 * The package as its users get it: packed, installed into an empty folder without the optional packages (no Kafka
 * client, no data set), its addon compiled there, imported, type-checked by name, and its command run. Then with the Kafka
 * client of this checkout, where it is built: its columnar reader is compiled too.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { innerEnvironment, npmCommand, root } from './setup/shell.mjs'

const [npm, first] = npmCommand()
const folder = mkdtempSync(join(tmpdir(), 'streaming-tda-package-'))
const run = (program, args, cwd) => {
  process.stdout.write(`$ ${[program, ...args].join(' ')}\n`)
  return execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: innerEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit']
  })
}
const expect = (what, holds) => {
  if (!holds) throw new Error(`package: ${what}`)
  process.stdout.write(`  ${what}\n`)
}

try {
  const [packed] = JSON.parse(
    run(npm, [...first, 'pack', '--json', '--silent', '--pack-destination', folder], root)
  )
  const names = packed.files.map((file) => file.path)
  expect(
    'has the library, its types and the native sources',
    ['dist/lib/index.js', 'dist/lib/index.d.ts', 'CMakeLists.txt'].every((name) => names.includes(name))
  )
  expect('has no tests and no source maps', !names.some((name) => /^dist\/test\/|\.map$/.test(name)))

  writeFileSync(join(folder, 'package.json'), '{ "name": "newcomer", "private": true, "type": "module" }\n')
  const install = [
    'install',
    '--omit=optional',
    '--no-audit',
    '--no-fund',
    '--foreground-scripts',
    join(folder, packed.filename)
  ]
  process.stdout.write(run(npm, [...first, ...install], folder))

  writeFileSync(
    join(folder, 'use.mjs'),
    `import { IncrementalPersistence } from 'streaming-tda'
process.stdout.write(typeof IncrementalPersistence)
`
  )
  expect('is imported by its name', run(process.execPath, ['use.mjs'], folder) === 'function')

  // The declarations, as a strict user without skipLibCheck and without the Kafka client compiles them.
  const [, lines] = /```js\n(import .*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8'))
  writeFileSync(
    join(folder, 'use.ts'),
    `${lines}
import * as api from 'streaming-tda'
import { KafkaEventMesh, type KafkaMeshOptions } from 'streaming-tda'
export const connect: (options: KafkaMeshOptions) => Promise<KafkaEventMesh> = KafkaEventMesh.connect
export const names: string[] = Object.keys(api)
`
  )
  for (const types of ['@types/node', 'undici-types']) {
    const from = join(root, 'node_modules', types)
    cpSync(from, join(folder, 'node_modules', types), { recursive: true })
  }
  const strict = '--noEmit --strict --module nodenext --target es2022 --types node'.split(' ')
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  process.stdout.write(run(process.execPath, [tsc, ...strict, 'use.ts'], folder))
  expect('compiles strictly in TypeScript without the Kafka client', true)

  writeFileSync(join(folder, 'series.csv'), 'value\n0\n2\n1\n3\n')
  const command = join(folder, 'node_modules', '.bin', 'streaming-tda')
  const diagram = run(command, ['diagram', 'series.csv'], folder)
  process.stdout.write(diagram)
  expect('its command finds the pair 1 -> 2', /\b1\b.*\b2\b/.test(diagram))
  expect('verify finds no mismatch', /\b0 mismatches\b/.test(run(command, ['verify', 'series.csv'], folder)))

  const client = join(root, 'node_modules', 'node-rdkafka')
  if (existsSync(join(client, 'build', 'Release', 'node-librdkafka.node'))) {
    const installed = join(folder, 'node_modules', 'node-rdkafka')
    const rebuild = [...first, 'rebuild', 'streaming-tda', '--foreground-scripts']
    const rebuilt = () =>
      execFileSync(npm, rebuild, {
        cwd: folder,
        encoding: 'utf8',
        env: innerEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe']
      })
    symlinkSync(client, installed)
    process.stdout.write(rebuilt())
    expect(
      'builds the columnar Kafka reader beside node-rdkafka',
      /records can be read in columns/.test(run(command, ['doctor'], folder))
    )
  } else {
    process.stdout.write('  SKIPPED: the columnar Kafka reader, for node-rdkafka is not built here\n')
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
