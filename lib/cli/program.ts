/**
 * The command line as one function: arguments in, exit code out. Commands are loaded when they run, so that `--help` and
 * the file commands start fast and work without node-rdkafka.
 */
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { registerBench } from './bench.js'
import { registerDemo } from './demo.js'
import { registerDiagram } from './diagram-command.js'
import type { DoctorOptions } from './doctor.js'
import type { EmbedOptions } from './embed.js'
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js'
import { POINTS_MAX } from './limits.js'
import { registerLoad } from './load-command.js'
import { durationOption, wholeNumber } from './parse-number.js'
import type { RestoreOptions } from './restore.js'
import { errorText, type Terminal } from './terminal.js'

/** Runs one command. Never throws: what went wrong is on standard error, one line each. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.done
  const program = createProgram(terminal, (answer) => {
    code = answer
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    terminal.stderr.write(errorText(error, program.opts<{ debug?: boolean }>().debug === true))
    return exitCodeOf(error)
  }
}

function createProgram(terminal: Terminal, answer: (code: ExitCode) => void): Command {
  const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string }
  const program = new Command('streaming-tda')
    .description('Exact persistence diagrams of live streams, at every time scale, change by change.')
    .version(version)
    .option('--debug', 'show where an error happened')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      outputError: (text, print) => print(`streaming-tda: ${text.replace(/^error: /, '')}`)
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 found something wrong, 2 bad usage or configuration, 3 could not be done.'
    )
  registerRun(program, terminal, answer)
  registerDemo(program)
  registerRestore(program, terminal, answer)
  registerReplay(program, terminal, answer)
  registerDiagram(program, terminal, answer)
  registerEmbed(program, terminal, answer)
  registerVerify(program, terminal, answer)
  registerTop(program, terminal, answer)
  registerDoctor(program, terminal, answer)
  registerBench(program)
  registerLoad(program, terminal, answer)
  registerReference(program, terminal)
  return program
}

type Register = (program: Command, terminal: Terminal, answer: (code: ExitCode) => void) => void

const registerRun: Register = (program, terminal, answer) => {
  program
    .command('run')
    .description('The daemon: from the input topic to the results topic, until SIGTERM or SIGINT.')
    .requiredOption('--config <file>', 'configuration, see docs/configuration.md')
    .option('--check', 'validate the configuration and stop', false)
    .action(async (options: { config: string; check: boolean }) => {
      const { run } = await import('./run.js')
      answer(await run(options, terminal))
    })
}

const registerRestore: Register = (program, terminal, answer) => {
  program
    .command('restore')
    .description('Windows as of an earlier point of the input log: published, and gone on from.')
    .requiredOption('--config <file>', 'configuration of the daemon')
    .requiredOption(
      '--to <point>',
      'ISO 8601 timestamp of the log, an offset of every partition, or partition:offset,... (others stay as they are)'
    )
    .option('--output-topic <topic>', 'publish there and change nothing else')
    .option('--dry-run', 'say what would be done', false)
    .action(async (options: RestoreOptions) => {
      const { restore } = await import('./restore.js')
      answer(await restore(options, terminal))
    })
}

const registerReplay: Register = (program, terminal, answer) => {
  program
    .command('replay')
    .description('The same pipeline from a CSV file to a file of updates, without a broker.')
    .argument('<file>', 'CSV file with a header, or - for standard input')
    .requiredOption('--config <file>', 'configuration, see docs/configuration.md')
    .requiredOption('--out <file>', 'where updates go, one JSON object a line, or - for standard output')
    .option(
      '--dead-letters <file>',
      'where rows that cannot be used go, one JSON object a line; else they are counted'
    )
    .option(
      '--workers <threads>',
      'worker threads; the output is the same for any number',
      wholeNumber(1, 256)
    )
    .action(
      async (
        file: string,
        options: { config: string; out: string; deadLetters?: string; workers?: number }
      ) => {
        const { replay } = await import('./replay.js')
        answer(await replay(file, options, terminal))
      }
    )
}

const registerEmbed: Register = (program, terminal, answer) => {
  program
    .command('embed')
    .description('Which delay embedding a series asks for: mutual information and false nearest neighbours.')
    .argument('<file>', 'file of numbers, or - for standard input')
    .option('--column <name>', 'the column; may be left out when only one is numeric and no time')
    .option('--delay <samples>', 'take this delay instead of choosing one', wholeNumber(1, 10_000))
    .option(
      '--delay-max <samples>',
      'largest delay looked at (default: 100, less if the series is short)',
      wholeNumber(1, 10_000)
    )
    .option(
      '--dimension-max <number>',
      'most coordinates looked at (default: 10, less if the series is short)',
      wholeNumber(1, 32)
    )
    .option('--json', 'the suggestion and its curves as one JSON object', false)
    .action(async (file: string, options: EmbedOptions) => {
      const { embed } = await import('./embed.js')
      answer(await embed(file, options, terminal))
    })
}

const registerVerify: Register = (program, terminal, answer) => {
  program
    .command('verify')
    .description('Compare the incremental diagram of every window with an independent batch computation.')
    .argument('<file>', 'CSV file with a header, or - for standard input')
    .option(
      '--config <file>',
      'scales, channels and streams to check; else windows of 64, 512 and 4096, sublevel'
    )
    .option(
      '--column <name>',
      'the column, without a configuration; may be left out when only one is numeric and no time'
    )
    .option('--every <points>', 'check the window at every so many-th point', wholeNumber(1, POINTS_MAX), 1)
    .action(async (file: string, options: { config?: string; column?: string; every: number }) => {
      const [{ verify }, { nativeAddon }] = await Promise.all([import('./verify.js'), import('../native.js')])
      answer(await verify(file, options, terminal, nativeAddon()))
    })
}

const registerTop: Register = (program, terminal, answer) => {
  program
    .command('top')
    .description('What running daemons do: throughput, lag, latency, diagrams, and what is wrong.')
    .argument('[daemon...]', 'addresses of their HTTP endpoints', ['localhost:9464'])
    .option('--once', 'look once; exit code 1 when a daemon is away or something is wrong with it', false)
    .option('--json', 'one JSON object for each look', false)
    .option('--every <duration>', 'time between two looks', durationOption(3_600_000), 2_000)
    .action(async (daemons: string[], options: { once: boolean; json: boolean; every: number }) => {
      const { top } = await import('./top.js')
      answer(await top(daemons, options, terminal))
    })
}

const registerDoctor: Register = (program, terminal, answer) => {
  program
    .command('doctor')
    .description('What is wrong here, and what to do: the machine, the brokers, a running daemon.')
    .option('--config <file>', 'also what this configuration needs: brokers, topics, lag, memory, its daemon')
    .option('--daemon <address>', 'HTTP endpoint of a daemon that has to be running')
    .option('--json', 'one JSON object a check', false)
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./doctor.js')
      answer(await doctor(options, terminal))
    })
}

/** Hidden: writes docs/configuration.md. */
function registerReference(program: Command, terminal: Terminal): void {
  program.command('config-reference', { hidden: true }).action(async () => {
    const { configReference } = await import('../config/reference.js')
    terminal.stdout.write(configReference())
  })
}
