import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConsoleStack, startConsole } from './browser.ts'
import { visit } from './visit.ts'

let stack: ConsoleStack
beforeAll(async () => {
  stack = await startConsole({ demo: { eventsPerSecond: 60, untilHead: 0 } })
}, 120_000)
afterAll(() => stack.close())

test('whoever sits at the machine of the demo comes in by themselves, and can go out', async () => {
  const page = await visit(stack, '/', { as: 'nobody' })
  await page.getByRole('heading', { name: 'Loop' }).waitFor()
  await page.getByRole('button', { name: 'You: Demo owner' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  expect((await stack.call('GET', '/audit?operation=signInToDemo')).entries).toMatchObject([
    { outcome: 'done', who: { name: 'Demo owner', role: 'admin' } },
  ])
})
