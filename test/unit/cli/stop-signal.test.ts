import { expect, jest, test } from '@jest/globals'
import { stopOnSignal } from '../../../lib/cli/stop-signal.js'

test('a signal repeated within a second is one wish, a later one forces', () => {
  const now = jest.spyOn(performance, 'now').mockReturnValue(5000)
  let forced = 0
  const stop = stopOnSignal(() => forced++)
  try {
    expect(stop.signal.aborted).toBe(false)
    process.emit('SIGINT')
    expect(stop.signal.aborted).toBe(true)
    now.mockReturnValue(6000)
    process.emit('SIGINT')
    expect(forced).toBe(0)
    now.mockReturnValue(6001)
    process.emit('SIGTERM')
    expect(forced).toBe(1)
  } finally {
    stop.dispose()
    now.mockRestore()
  }
  expect(process.listenerCount('SIGHUP')).toBe(0)
})
