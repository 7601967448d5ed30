/**
 * `npm run screenshots [name…]` (`currents*`: all that begin so): every page of the console on the demo's data, light and dark, desktop and phone, from
 * its head to its foot, into screenshots/. Those that the README shows are what a window shows, and are copied to docs/images.
 */

import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { type ConsoleStack, type OpenedPage, startConsole } from '../test/console/browser.ts'
import { type ListedPage, PAGES, prepare } from '../test/console/pages.ts'

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
for (const page of pages) await shoot(stack, page)
await stack.close()

/** In each look: opened one after the other, settled together. */
async function shoot(stack: ConsoleStack, listed: ListedPage) {
  const { name, path, shows } = listed
  await prepare(stack, listed)
  const looks: [file: string, opened: OpenedPage][] = []
  for (const dark of [false, true])
    for (const phone of [false, true]) {
      const opened = await stack.open(path, { dark, phone })
      looks.push([`${name}-${dark ? 'dark' : 'light'}${phone ? '-phone' : ''}`, opened])
      // On a phone it may stand in a column that is left out.
      await opened.page.getByRole('main').getByText(shows).first().waitFor({ state: 'attached' })
    }
  await setTimeout(SETTLE_MS)
  for (const [file, { page, close }] of looks) {
    await keep(file, page)
    await close()
  }
}

async function keep(file: string, page: Page) {
  const isInReadme = IN_README.includes(file)
  const path = join(FOLDER, `${file}.png`)
  await page.screenshot({ path, fullPage: !isInReadme })
  if (isInReadme) {
    mkdirSync(join(ROOT, 'docs/images'), { recursive: true })
    copyFileSync(path, join(ROOT, 'docs/images', `${file}.png`))
  }
  console.log(`screenshots/${file}.png`)
}
