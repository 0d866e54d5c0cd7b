/** Two ways to watch the demo: a live screen on a terminal, plain log lines anywhere else. */
import { createLogUpdate } from 'log-update'
import { renderScreen, type ScreenState } from './screen.js'

export interface DemoView {
  /** How often {@link show} is due, in ms. */
  readonly periodMs: number
  /** What people should know before it starts, one line each. */
  begin(lines: readonly string[]): void
  show(state: ScreenState): void
  /** The last word. */
  end(lines: readonly string[]): void
}

/** Redraws in place five times a second. A terminal that nobody gave a size (0 x 0) counts as 80 x 24. */
export function liveView(output: NodeJS.WriteStream): DemoView {
  const screen = {
    get columns() {
      return output.columns || 80
    },
    get rows() {
      return output.rows || 24
    },
    write: (text: string) => output.write(text)
  }
  const update = createLogUpdate(screen as unknown as NodeJS.WriteStream, { showCursor: true })
  return {
    periodMs: 200,
    begin: (lines) => void output.write(`${lines.join('\n')}\n\n`),
    show: (state) => update(renderScreen(state, screen)),
    end(lines) {
      update.done()
      output.write(`\n${lines.join('\n')}\n`)
    }
  }
}

/** A line every two seconds, and one for each thing worth knowing. */
export function plainView(logger: { info(fields: object | string, message?: string): void }): DemoView {
  return {
    periodMs: 2000,
    begin(lines) {
      for (const line of lines) logger.info(line)
    },
    show(state) {
      const { seen, total, published, updates, rejected, pointsPerSecond, latency } = state
      const figures = {
        seen,
        total,
        lag: published - seen,
        pointsPerSecond: Math.round(pointsPerSecond),
        p50Ms: latency.p50Ms,
        p99Ms: latency.p99Ms,
        updates,
        rejected,
        pairs: Object.fromEntries(state.rows.map((row) => [`${row.stream} ${row.scale}`, row.pairs.length]))
      }
      logger.info(figures, state.ended ? 'all readings are in' : 'streaming')
    },
    end(lines) {
      for (const line of lines) logger.info(line)
    }
  }
}
