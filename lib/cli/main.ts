#!/usr/bin/env node
/** The executable: the process's own streams, signals of a closed pipe, and the exit code. */
import { isKafkaLoaded } from '../mesh/kafka-client.js'
import { EXIT } from './exit-codes.js'
import { runProgram } from './program.js'
import { errorText } from './terminal.js'

/** Whoever reads our output may leave early (`| head`): that is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done)
  process.stderr.write(`streaming-tda: the output cannot be written: ${error.message}\n`)
  process.exit(EXIT.impossible)
})
process.stderr.on('error', () => process.exit(EXIT.impossible))
process.on('uncaughtException', (error) => {
  process.stderr.write(errorText(error, process.argv.includes('--debug')))
  process.exit(EXIT.impossible)
})

const EXIT_MS_MAX = 10_000

const { NO_COLOR } = process.env
const code = await runProgram(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  colours: process.stderr.isTTY && (NO_COLOR === undefined || NO_COLOR === '')
})
if (code !== EXIT.done) process.exitCode = code
// A Kafka client that is still being closed keeps the process, however long its brokers are silent.
if (isKafkaLoaded()) {
  setTimeout(() => {
    process.stderr.write(
      'streaming-tda: a Kafka client does not close, its brokers are silent; ended by force\n'
    )
    process.kill(process.pid, 'SIGKILL')
  }, EXIT_MS_MAX).unref()
}
