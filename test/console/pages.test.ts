import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type ConsoleStack, DESKTOP, type OpenedPage, PHONE, startConsole } from './browser.ts'
import { expectNothingRan, plantHostile } from './hostile.ts'
import { type ListedPage, PAGES, prepare } from './pages.ts'
import { expectAccessible, expectColumnsInSight, expectFits, visit } from './visit.ts'

const WALKED = PAGES.filter(({ tab }) => tab === undefined || process.env.THALWEG_TEST_CONSOLE === 'all')

let stack: ConsoleStack
let hostile: readonly ListedPage[] = []
/** One tab for the whole walk, as somebody would use it: what the browser has read once it keeps. */
let tab: OpenedPage
beforeAll(async () => {
  stack = await startConsole({ demo: { eventsPerSecond: 100, untilHead: 900 } })
  hostile = await plantHostile(stack)
  tab = await stack.open('/')
}, 120_000)
afterAll(() => stack.close())

describe('nothing goes wrong on the side, nothing hostile runs, axe finds nothing grave, it fits a phone', () => {
  test.each(WALKED)('$name', { timeout: 60_000 }, (page) => walk(page))

  test('pages about the hostile', { timeout: 240_000 }, async () => {
    for (const page of hostile) await walk(page)
  })
})

test('on a phone the open tab is in sight', async () => {
  const page = await visit(stack, '/currents/segment/settings', { phone: true })
  const tab = page.getByRole('link', { name: 'Settings', exact: true })
  await tab.waitFor()
  await eventually('it is in sight', async () => {
    const { x = 0, width = 0 } = (await tab.boundingBox()) ?? {}
    return width > 0 && x >= 0 && x + width <= PHONE.width
  })
})

async function walk(listed: ListedPage): Promise<void> {
  const { path, shows } = listed
  await prepare(stack, listed)
  const { page, wrong } = tab
  const before = wrong.length
  await page.setViewportSize(DESKTOP)
  await page.emulateMedia({ colorScheme: 'light' })
  await page.goto(`${stack.hub.url}${path}`)
  await page.getByRole('main').getByText(shows).filter({ visible: true }).first().waitFor()
  await expectAccessible(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.locator('html[data-mantine-color-scheme="dark"]').waitFor({ state: 'attached' })
  await expectAccessible(page, 'color-contrast')
  await expectNothingRan(page)
  await page.setViewportSize(PHONE)
  await expectFits(page)
  await expectColumnsInSight(page)
  expect(wrong.slice(before), `what ${path} did wrong on the side`).toEqual([])
}
