import { expect, test } from '@jest/globals'
import { context, createContextKey, ROOT_CONTEXT, type Context } from '@opentelemetry/api'
import { suppressTracing } from '@opentelemetry/core'
import { SparingContexts } from '../../../../lib/observability/tracing/sparing-contexts.js'

const NAME = createContextKey('name')
const named = (name: string): Context => ROOT_CONTEXT.setValue(NAME, name)
const nameIn = (contexts: SparingContexts): unknown => contexts.active().getValue(NAME)
const turn = (): Promise<void> => new Promise(setImmediate)

test('an operation is followed through what it waits for', async () => {
  const contexts = new SparingContexts()
  const seen: unknown[] = []
  const operation = async (): Promise<void> => {
    seen.push(nameIn(contexts))
    await turn()
    seen.push(nameIn(contexts))
  }
  await Promise.all([contexts.with(named('a'), operation), contexts.with(named('b'), operation)])
  expect(seen).toEqual(['a', 'b', 'a', 'b'])
  expect(contexts.active()).toBe(ROOT_CONTEXT)
})

test('a batch is active until the call returns, also when it throws', async () => {
  const contexts = new SparingContexts()
  let later: Promise<unknown> | undefined
  const name = contexts.inside(named('batch'), () => {
    later = turn().then(() => nameIn(contexts))
    return nameIn(contexts)
  })
  expect(name).toBe('batch')
  expect(nameIn(contexts)).toBeUndefined()
  await expect(later).resolves.toBeUndefined()
  expect(() =>
    contexts.inside(named('batch'), () => {
      throw new Error('broken')
    })
  ).toThrow('broken')
  expect(nameIn(contexts)).toBeUndefined()
})

test('operations and batches inside each other: the innermost is active', () => {
  const contexts = new SparingContexts()
  const seen: unknown[] = []
  const look = (): void => void seen.push(nameIn(contexts))
  contexts.with(named('operation'), () => {
    contexts.inside(named('batch'), () => {
      look()
      contexts.with(named('inner'), look)
      look()
    })
    look()
  })
  look()
  expect(seen).toEqual(['batch', 'inner', 'batch', 'operation', undefined])
})

test('an export is not followed before the first operation, and is from then on', async () => {
  const contexts = new SparingContexts()
  const suppressed = suppressTracing(named('export'))
  const exported = async (): Promise<readonly unknown[]> => {
    const first = nameIn(contexts)
    await turn()
    return [first, nameIn(contexts)]
  }
  await expect(contexts.with(suppressed, exported)).resolves.toEqual(['export', undefined])
  contexts.with(named('operation'), () => {})
  await expect(contexts.with(suppressed, exported)).resolves.toEqual(['export', 'export'])
  contexts.disable()
  await expect(contexts.with(suppressed, exported)).resolves.toEqual(['export', undefined])
})

test('arguments, `this` and what is bound go through, as with the manager it stands for', () => {
  const contexts = new SparingContexts()
  const self = { factor: 2 }
  const work = function (this: typeof self, a: number): number {
    return this.factor * a
  }
  expect(contexts.with(named('a'), work, self, 21)).toBe(42)
  expect(new SparingContexts().with(suppressTracing(ROOT_CONTEXT), work, self, 21)).toBe(42)
  expect(contexts.bind(named('bound'), () => nameIn(contexts))()).toBe('bound')
  expect(context.active()).toBe(ROOT_CONTEXT) // Nothing here is the manager of the process.
})
