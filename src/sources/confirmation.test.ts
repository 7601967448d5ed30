import { expect, test } from 'vitest'
import { confirmed } from './confirmation.ts'

test('what the log says in time is the answer', async () => {
  expect(await confirmed(Promise.resolve(7))).toBe(7)
  await expect(confirmed(Promise.reject(new Error('no')))).rejects.toThrow('no')
})

test('a log that does not confirm is not waited for without end', async () => {
  await expect(confirmed(new Promise(() => undefined), 1)).rejects.toMatchObject({ code: 'LOG_UNCONFIRMED' })
})

test("a late failure is nobody's any more", async () => {
  let fail = (_: Error): void => undefined
  const durable = new Promise((_, reject) => {
    fail = reject
  })
  await expect(confirmed(durable, 1)).rejects.toMatchObject({ code: 'LOG_UNCONFIRMED' })
  fail(new Error('late'))
  await expect(durable).rejects.toThrow('late')
})
