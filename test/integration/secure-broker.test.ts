/**
 * Brokers that want TLS and a user: each mechanism of docs/operations.md, with the password in a file and the rest in the
 * environment, against a real Kafka with a SASL_SSL listener. Where there is a real broker there can be this one.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { runProgram } from '../../lib/cli/program.js'
import type { LoadReport } from '../../lib/loadgen/report.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { fakeTerminal, type FakeTerminal } from '../support/fake-terminal.js'
import { PROGRAM_MS_MAX, root, runCommand, type CommandResult } from '../support/run-command.js'
import { WatchedProcess } from '../support/watched-process.js'

const NAME = `secure-${process.pid}`
const kafka = (...args: string[]): Promise<CommandResult> =>
  runCommand(process.execPath, ['scripts/kafka.mjs', ...args, '--name', NAME])

interface Secure {
  readonly bootstrap: string
  readonly ca: string
  readonly user: string
  readonly password: string
}

const SASL_PASSWORD = {
  'sasl.username': '${env:TDA_TEST_USER}',
  'sasl.password': '${file:PASSWORD_FILE}'
}
const MECHANISMS: Readonly<Record<string, object>> = {
  PLAIN: SASL_PASSWORD,
  'SCRAM-SHA-256': SASL_PASSWORD,
  'SCRAM-SHA-512': SASL_PASSWORD,
  // Tokens without a signature, which only a test broker takes; with an identity provider: docs/operations.md.
  OAUTHBEARER: {
    'enable.sasl.oauthbearer.unsecure.jwt': true,
    'sasl.oauthbearer.config': 'principal=tda scope=records'
  }
}

if (process.env['KAFKA_BROKERS'] === undefined) {
  test.skip('brokers with TLS and SASL: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  describe('a broker with TLS and SASL', () => {
    let folder = ''
    let secure: Secure
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tda-secure-'))
      const up = await kafka('up', '--security', 'sasl_ssl')
      if (up.code !== 0) throw new Error(up.stderr)
      secure = (JSON.parse((await kafka('status', '--json')).stdout) as { secure: Secure }).secure
      process.env['TDA_TEST_USER'] = secure.user
      await writeFile(join(folder, 'password'), `${secure.password}\n`)
      await writeFile(join(folder, 'wrong'), 'a-password-nobody-set\n')
      // A broker that accepts connections may answer much later; the programs below wait 10 s for it.
      const mesh = await KafkaEventMesh.connect({
        brokers: [secure.bootstrap],
        connectTimeoutMs: 120_000,
        librdkafka: {
          'security.protocol': 'sasl_ssl',
          'ssl.ca.location': secure.ca,
          'sasl.mechanism': 'PLAIN',
          'sasl.username': secure.user,
          'sasl.password': secure.password
        }
      })
      await mesh.createStream('secure-points', 4)
      await mesh.close()
    })
    afterAll(async () => {
      await kafka('down')
      Reflect.deleteProperty(process.env, 'TDA_TEST_USER')
      await rm(folder, { recursive: true })
    })

    async function configFile(mechanism: string, passwordFile: string): Promise<string> {
      const file = join(folder, `${mechanism}-${passwordFile}.yaml`)
      const settings = JSON.stringify({
        'security.protocol': 'sasl_ssl',
        'ssl.ca.location': secure.ca,
        'sasl.mechanism': mechanism,
        ...MECHANISMS[mechanism]
      }).replace('PASSWORD_FILE', join(folder, passwordFile))
      await writeFile(
        file,
        `kafka: { brokers: ['${secure.bootstrap}'], groupId: g-${mechanism}, librdkafka: ${settings} }\n` +
          'input: { topic: secure-points, channels: [value] }\n' +
          'scales: [{ name: short, window: 8, filtration: sublevel }]\nhttp: { port: 0 }\n'
      )
      return file
    }

    async function load(config: string): Promise<[number, FakeTerminal]> {
      const terminal = fakeTerminal()
      const args = ['load', '--config', config, '--rate', '200', '--records', '100', '--json']
      return [await runProgram(args, terminal), terminal]
    }

    test.each(Object.keys(MECHANISMS))('%s: records are acknowledged', async (mechanism) => {
      const [code, terminal] = await load(await configFile(mechanism, 'password'))
      expect([code, terminal.err()]).toEqual([0, ''])
      expect((JSON.parse(terminal.out()) as LoadReport).acknowledged).toBe(100)
    })

    test('a wrong password is refused, and not shown', async () => {
      const [code, terminal] = await load(await configFile('SCRAM-SHA-512', 'wrong'))
      expect(code).toBe(3)
      // Where the broker's refusal does not arrive in time, librdkafka only knows of a broken connection.
      expect(terminal.err()).toMatch(/SASL|[Aa]uthentication|no broker of .* answered/)
      expect(terminal.err()).not.toContain('a-password-nobody-set')
    })

    test('the daemon runs, and its log has no secret', async () => {
      const main = join(root, 'dist/lib/cli/main.js')
      const config = await configFile('SCRAM-SHA-512', 'password')
      const daemon = new WatchedProcess(
        spawn(process.execPath, [main, 'run', '--config', config], {
          env: { ...process.env },
          timeout: PROGRAM_MS_MAX,
          killSignal: 'SIGKILL'
        })
      )
      await daemon.until(/metrics and health at/)
      const [, url] = /"url":"([^"]+)"/.exec(daemon.output)!
      while ((await fetch(`${url}/readyz`)).status !== 200)
        await new Promise((resolve) => setTimeout(resolve, 50))
      daemon.kill('SIGTERM')
      expect(await daemon.ended).toBe(0)
      expect(daemon.output).toContain('"sasl.password":"[redacted]"')
      expect(daemon.output).not.toContain(secure.password)
    })
  })
}
