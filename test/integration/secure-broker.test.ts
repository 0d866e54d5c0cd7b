/**
 * Brokers that want TLS and a user: each mechanism of docs/operations.md, with the password in a file and the rest in the
 * environment, against a real Kafka with a SASL_SSL listener. Where there is a real broker there can be this one.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { connectKafka } from '../../lib/cli/connect-kafka.js'
import { runProgram } from '../../lib/cli/program.js'
import { validateConfig } from '../../lib/config/load.js'
import type { LoadReport } from '../../lib/loadgen/report.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { createLogger } from '../../lib/observability/logger.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { fakeTerminal, type FakeTerminal } from '../support/fake-terminal.js'
import { grant } from '../support/grant.js'
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

/** Everybody else has no rights but those granted. */
const AUTHORIZER = [
  ...['--set', 'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer'],
  ...['--set', 'super.users=User:ANONYMOUS;User:tda']
]

if (process.env['KAFKA_BROKERS'] === undefined) {
  test.skip('brokers with TLS and SASL: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  describe('a broker with TLS and SASL', () => {
    let folder = ''
    let secure: Secure
    /** The listener that wants no login. */
    let plain = ''
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tda-secure-'))
      const up = await kafka('up', '--security', 'sasl_ssl', ...AUTHORIZER)
      if (up.code !== 0) throw new Error(up.stderr)
      secure = (JSON.parse((await kafka('status', '--json')).stdout) as { secure: Secure }).secure
      plain = up.stdout.trim()
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

    test('a user with the rights of docs/operations.md, and none to create: a daemon starts, and again', async () => {
      const config = validateConfig({
        kafka: {
          brokers: [secure.bootstrap],
          groupId: 'limited',
          librdkafka: {
            'security.protocol': 'sasl_ssl',
            'ssl.ca.location': secure.ca,
            'sasl.mechanism': 'OAUTHBEARER',
            'enable.sasl.oauthbearer.unsecure.jwt': true,
            'sasl.oauthbearer.config': 'principal=limited scope=records'
          }
        },
        input: { topic: 'limited-points', partitions: 1, channels: ['x'] },
        output: {
          ...{ topic: 'limited-out', deadLetterTopic: 'limited-letters', stateTopic: 'limited-state' },
          partitions: 1
        },
        pipeline: { workers: 1 },
        log: { level: 'silent' },
        scales: [{ name: 'short', window: 8, filtration: 'sublevel' }]
      })
      const { input, output } = config
      const destination = fakeTerminal().stderr
      const logger = createLogger({ settings: config.log, readable: false, colours: false, destination })
      const owner = await KafkaEventMesh.connect({ brokers: [plain] })
      for (const topic of [input.topic, output.topic, output.deadLetterTopic])
        await owner.createStream(topic, 1)
      await owner.createStream(output.stateTopic, 1, { 'cleanup.policy': 'compact' })
      await grant(plain, 'limited', [
        { resource: 'topic', name: input.topic, operation: 'read' },
        { resource: 'topic', name: output.topic, operation: 'write' },
        { resource: 'topic', name: output.deadLetterTopic, operation: 'write' },
        { resource: 'topic', name: output.stateTopic, operation: 'write' },
        { resource: 'topic', name: output.stateTopic, operation: 'read' },
        { resource: 'group', name: 'limited', operation: 'read' },
        { resource: 'transactionalId', name: 'limited', operation: 'write', prefix: true }
      ])
      for (let life = 1; life <= 2; life++) {
        const mesh = await connectKafka(config, logger)
        const stop = new AbortController()
        const daemon = await createDaemon(config, { mesh, signal: stop.signal, http: false })
        const running = daemon.run()
        const { high } = await owner.bounds(output.topic, 0)
        await owner.publish(input.topic, [{ key: 'a', value: `{"x":${life}}` }])
        const out = async (): Promise<void> => {
          while ((await owner.bounds(output.topic, 0)).high === high) await delay(50)
          stop.abort()
        }
        await Promise.all([running, Promise.race([out(), running])])
        await mesh.close()
      }
      const { high } = await owner.bounds(output.stateTopic, 0)
      expect(high).toBeGreaterThan(0)
      await owner.close()
    })

    test('a topic that is missing and may not be created: which right is missing on what', async () => {
      const mesh = await KafkaEventMesh.connect({
        brokers: [secure.bootstrap],
        librdkafka: {
          'security.protocol': 'sasl_ssl',
          'ssl.ca.location': secure.ca,
          'sasl.mechanism': 'OAUTHBEARER',
          'enable.sasl.oauthbearer.unsecure.jwt': true,
          'sasl.oauthbearer.config': 'principal=nobody scope=records'
        }
      })
      const text =
        /^create topic "nobodys" with 1 partitions; it is not there, or not to be seen: allow Create /
      await expect(mesh.createStream('nobodys', 1)).rejects.toThrow(text)
      await mesh.close()
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
