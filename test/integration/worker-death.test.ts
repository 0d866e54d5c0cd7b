import { expect, test } from '@jest/globals'
import { runCommand } from '../support/run-command.js'

test('a worker thread that dies ends the pipeline with a clear error instead of a hang', async () => {
  const { code, stdout, stderr } = await runCommand(process.execPath, ['dist/test/support/worker-death.js'])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    code: 'INTERNAL',
    message: expect.stringContaining('restart the process'),
    threads: true
  })
})
