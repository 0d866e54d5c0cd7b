/** One line a step on stderr: what, how long. On a terminal the running step counts its seconds. */
const terminal = process.stderr.isTTY === true

export class Report {
  #startedAny = false

  /** Runs `work`; says nothing at all of steps that never start, so an up-to-date checkout stays silent. */
  async step(title, work, { expect } = {}) {
    if (!this.#startedAny) process.stderr.write('Setting up streaming-tda\n')
    this.#startedAny = true
    const started = Date.now()
    const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`
    const hint = expect ? ` (${expect})` : ''
    if (!terminal && expect) process.stderr.write(`  ...     ${title}${hint}\n`)
    const ticker =
      terminal && setInterval(() => process.stderr.write(`\r  ...     ${title}${hint} ${seconds()} `), 500)
    const finish = (word) => {
      if (ticker) clearInterval(ticker)
      process.stderr.write(`${terminal ? '\r\x1b[2K' : ''}  ${word.padEnd(7)} ${title} ${seconds()}\n`)
    }
    try {
      const result = await work()
      finish('done')
      return result
    } catch (error) {
      finish('failed')
      throw error
    }
  }

  note(text) {
    process.stderr.write(`${text}\n`)
  }
}
