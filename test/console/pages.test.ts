import { afterAll, beforeAll, test } from 'vitest'
import { type ConsoleStack, PHONE, startConsole } from './browser.ts'
import { PAGES } from './pages.ts'
import { expectAccessible, expectFits, visit } from './visit.ts'

let stack: ConsoleStack
beforeAll(async () => {
  stack = await startConsole({ demo: { eventsPerSecond: 300, untilHead: 900 } })
}, 120_000)
afterAll(() => stack.close())

test.each(PAGES)(
  '$name: nothing goes wrong on the side; axe finds nothing grave, in light and dark; it fits a phone',
  { timeout: 60_000 },
  async ({ path, shows }) => {
    const page = await visit(stack, path)
    await page.getByRole('main').getByText(shows).first().waitFor()
    await expectAccessible(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    await expectAccessible(page, 'color-contrast')
    await page.setViewportSize(PHONE)
    await expectFits(page)
  },
)
