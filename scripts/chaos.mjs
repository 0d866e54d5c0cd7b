#!/usr/bin/env node
/**
 * Faults on a real three-broker Kafka with several daemons, by a seed, and whether anything was lost or doubled:
 *
 *   npm run chaos -- --seed 7 --minutes 10      rounds of all faults, in the order of the seed
 *   npm run chaos -- --seed 7 --short           each fault once and briefly, as CI does
 *
 * Needs what scripts/kafka.mjs and scripts/toxiproxy.mjs need; where that cannot be had it says so and exits with 3.
 * Logs of the daemons and the result are kept in build/chaos/SEED/. The harness is test/chaos/.
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..')
const main = path.join(root, 'dist', 'test', 'chaos', 'main.js')
const child = spawn(process.execPath, [main, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code) => (process.exitCode = code ?? 1))
