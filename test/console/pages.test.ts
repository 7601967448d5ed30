import { afterAll, beforeAll, describe, test } from 'vitest'
import { type ConsoleStack, PHONE, startConsole } from './browser.ts'
import { expectNothingRan, plantHostile } from './hostile.ts'
import { type ListedPage, PAGES, prepare } from './pages.ts'
import { expectAccessible, expectFits, visit } from './visit.ts'

let stack: ConsoleStack
let hostile: readonly ListedPage[] = []
beforeAll(async () => {
  stack = await startConsole({ demo: { eventsPerSecond: 300, untilHead: 900 } })
  hostile = await plantHostile(stack)
}, 120_000)
afterAll(() => stack.close())

describe('nothing goes wrong on the side, nothing hostile runs, axe finds nothing grave, it fits a phone', () => {
  test.each(PAGES)('$name', { timeout: 60_000 }, (page) => walk(page))

  test('pages about the hostile', { timeout: 240_000 }, async () => {
    for (const page of hostile) await walk(page)
  })
})

async function walk(listed: ListedPage): Promise<void> {
  const { path, shows } = listed
  await prepare(stack, listed)
  const page = await visit(stack, path)
  await page.getByRole('main').getByText(shows).first().waitFor()
  await expectAccessible(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  await expectAccessible(page, 'color-contrast')
  await expectNothingRan(page)
  await page.setViewportSize(PHONE)
  await expectFits(page)
}
