import { expect, test } from 'vitest'
import { offAbort, onAbort } from './aborts.ts'

test('an abort calls every task once, in order, with one listener for all of them', () => {
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>) => {
    listeners++
    AbortSignal.prototype.addEventListener.apply(signal, args)
  }
  const called: number[] = []
  const tasks = Array.from({ length: 100 }, (_, i) => () => {
    called.push(i)
  })
  for (const task of tasks) onAbort(signal, task)
  expect(listeners).toBe(1)
  expect(called).toEqual([])
  controller.abort()
  expect(called).toEqual(tasks.map((_, i) => i))
})

test('a task that was taken back is not called, also when another one takes it back', () => {
  const controller = new AbortController()
  const called: string[] = []
  const note = (name: string) => () => {
    called.push(name)
  }
  const [before, later] = [note('before'), note('later')]
  onAbort(controller.signal, before)
  onAbort(controller.signal, () => offAbort(controller.signal, later))
  onAbort(controller.signal, note('last'))
  onAbort(controller.signal, later)
  offAbort(controller.signal, before)
  controller.abort()
  expect(called).toEqual(['last'])
})

test('signals do not know of each other', () => {
  const [one, other] = [new AbortController(), new AbortController()]
  let calls = 0
  onAbort(one.signal, () => {
    calls++
  })
  other.abort()
  expect(calls).toBe(0)
  one.abort()
  expect(calls).toBe(1)
})
