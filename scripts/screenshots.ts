/**
 * `npm run screenshots [name…]` (`currents*`: all that begin so): every page of the console on the demo's data, light and dark, desktop and phone, into screenshots/. Those
 * that the README shows are copied to docs/images.
 */

import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ConsoleStack, startConsole } from '../test/console/browser.ts'
import { PAGES, prepare } from '../test/console/pages.ts'

const ROOT = dirname(import.meta.dirname)
const FOLDER = join(ROOT, 'screenshots')
const IN_README = ['loop-dark', 'currents-one-light', 'run-light']
/** Numbers that are still arriving would blur what is to be seen. */
const SETTLE_MS = 1_500

const wanted = process.argv.slice(2)
const pages = PAGES.filter(
  ({ name }) =>
    wanted.length === 0 ||
    wanted.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one)),
)
mkdirSync(FOLDER, { recursive: true })
const stack = await startConsole({ demo: { eventsPerSecond: 300, untilHead: 3_000 } })
for (const page of pages)
  for (const dark of [false, true]) for (const phone of [false, true]) await shoot(stack, page, dark, phone)
await stack.close()

async function shoot(stack: ConsoleStack, listed: (typeof PAGES)[number], dark: boolean, phone: boolean) {
  const { name, path, shows } = listed
  await prepare(stack, listed)
  const { page, close } = await stack.open(path, { dark, phone })
  await page.getByRole('main').getByText(shows).first().waitFor()
  await page.waitForTimeout(SETTLE_MS)
  const file = `${name}-${dark ? 'dark' : 'light'}${phone ? '-phone' : ''}`
  await page.screenshot({ path: join(FOLDER, `${file}.png`) })
  if (IN_README.includes(file)) {
    mkdirSync(join(ROOT, 'docs/images'), { recursive: true })
    copyFileSync(join(FOLDER, `${file}.png`), join(ROOT, 'docs/images', `${file}.png`))
  }
  await close()
  console.log(`screenshots/${file}.png`)
}
