/** A test's visit to a page of the console: what the page does wrong on the side fails the test. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { ConsoleStack, Look } from './browser.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** The page is closed at the end of the test, which then fails if it did anything wrong on the side. */
export async function visit(stack: ConsoleStack, path: string, look: Look = {}): Promise<Page> {
  const { page, wrong, close } = await stack.open(path, look)
  onTestFinished(async () => {
    await close()
    expect(wrong, `what ${path} did wrong on the side`).toEqual([])
  })
  return page
}

/** No violation of a serious or critical kind: WCAG 2.1 A and AA. `only`: one rule of axe, where the others have been asked already. */
export async function expectAccessible(page: Page, only?: string): Promise<void> {
  // Colours fade from one scheme to the other.
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  )
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter(({ effect }) => effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY)
        .map(({ finished }) => finished.catch(() => undefined)),
    ),
  )
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  const rules =
    only === undefined
      ? { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }
      : { type: 'rule', values: [only] }
  const found = (await page.evaluate(
    `axe.run(document, ${JSON.stringify({ resultTypes: ['violations'], runOnly: rules })})`,
  )) as AxeResults
  const grave = found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes
          .slice(0, 5)
          .map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`)
          .join('\n')}`,
    )
  expect(grave).toEqual([])
}

/** Beside the first column of a table the next one is seen, too, without scrolling. */
export async function expectColumnsInSight(page: Page): Promise<void> {
  await eventually('of each table the second column is in sight', async () => {
    const hidden = await page.evaluate(() =>
      [...document.querySelectorAll('main section > table')].flatMap((table) => {
        const [, second] = [...table.querySelectorAll('th')].filter(
          ({ offsetWidth, textContent }) => offsetWidth > 0 && textContent !== '',
        )
        const frame = table.parentElement?.getBoundingClientRect().right ?? 0
        const edge = second?.getBoundingClientRect().left ?? 0
        return edge + 30 > frame ? [table.parentElement?.ariaLabel] : []
      }),
    )
    expect(hidden).toEqual([])
    return true
  })
}

/** Nothing sticks out sideways, once the frame has glided to its place; what is wide scrolls inside its own frame. */
export async function expectFits(page: Page): Promise<void> {
  await eventually('nothing sticks out sideways', async () => {
    const [content = 0, window = 0] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ])
    expect(content).toBeLessThanOrEqual(window)
    return true
  })
}
