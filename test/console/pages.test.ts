import { afterAll, beforeAll, test } from 'vitest'
import { type ConsoleStack, startConsole } from './browser.ts'
import { PAGES } from './pages.ts'
import { expectAccessible, expectFits, visit } from './visit.ts'

let stack: ConsoleStack
beforeAll(async () => {
  stack = await startConsole({ demo: { untilHead: 300 } })
}, 120_000)
afterAll(() => stack.close())

test.each(PAGES)(
  '$name: nothing goes wrong on the side; axe finds nothing grave, in light and dark; it fits a phone',
  { timeout: 60_000 },
  async ({ path, shows }) => {
    for (const dark of [false, true]) {
      const page = await visit(stack, path, { dark })
      await page.getByRole('main').getByText(shows).first().waitFor()
      await expectAccessible(page)
    }
    const phone = await visit(stack, path, { phone: true })
    await phone.getByRole('main').getByText(shows).first().waitFor()
    await expectFits(phone)
  },
)
