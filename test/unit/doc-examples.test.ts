/** Every example in the docstrings of the synchronous library classes runs and prints what it says. */
import { expect, test } from '@jest/globals'
import { fileURLToPath } from 'node:url'
import { IncrementalPersistence } from '../../lib/scales/incremental-persistence.js'
import { MultiScaleWindows } from '../../lib/scales/multi-scale-windows.js'
import { SlidingWindow } from '../../lib/scales/sliding-window.js'
import { StreamingTdaProcessor } from '../../lib/scales/streaming-tda-processor.js'
import { examplesOf, runExample } from '../support/doc-examples.js'

const scope = { IncrementalPersistence, MultiScaleWindows, SlidingWindow, StreamingTdaProcessor }
const files = [
  'sliding-window',
  'multi-scale-windows',
  'incremental-persistence',
  'streaming-tda-processor',
  'point-rows'
]

for (const file of files) {
  const examples = examplesOf(fileURLToPath(new URL(`../../../lib/scales/${file}.ts`, import.meta.url)))
  test(`${file} has examples`, () => expect(examples.length).toBeGreaterThan(0))
  for (const { name, code, expected } of examples) {
    test(`${file}: example of ${name}`, () => {
      expect(expected.length).toBeGreaterThan(0)
      expect(runExample(code, scope)).toEqual(expected)
    })
  }
}
