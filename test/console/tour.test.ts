/** The tour of the demo, walked by somebody who does only what it says. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConsoleStack, startConsole } from './browser.ts'
import { visit } from './visit.ts'

let stack: ConsoleStack
beforeAll(async () => {
  stack = await startConsole({ demo: { eventsPerSecond: 60, untilHead: 0 } })
}, 120_000)
afterAll(() => stack.close())

test('who follows the tour redrives the dead letters, sees the books close, runs an activation and finds the cohort', async () => {
  const page = await visit(stack, '/', { as: 'nobody', tour: true })
  // The story of the demo goes by the real clock: it refuses half a minute after its start.
  page.setDefaultTimeout(60_000)
  const tour = page.getByRole('complementary', { name: 'The tour' })
  const step = (number: number) => tour.getByText(`Tour, ${number} of 9`).waitFor()
  const next = () => tour.getByRole('button', { name: 'Next' }).click()
  const go = (place: string) => tour.getByRole('link', { name: `To ${place}` }).click()
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()

  await step(1)
  await next()
  await go('the dead letters')
  await next()
  await step(3)
  await tour.getByRole('button', { name: 'Put the tour away' }).click()
  await tour.waitFor({ state: 'detached' })
  const call = page.getByRole('button', { name: 'The tour', exact: true })
  expect(await call.evaluate((button) => button === document.activeElement)).toBe(true)
  await call.press('Enter')
  await step(3)
  await page.getByRole('table').getByRole('link').first().click()
  await next()
  await step(4)
  await press('Redrive')
  await press('Redrive now')
  await tour.getByText('4 still wait.').waitFor()
  await go('the dead letters')
  await press('Choose all 4 that match')
  await press('Redrive')
  await press('Redrive now')
  await tour.getByText('None waits any more.').waitFor()
  await next()
  await step(5)
  await go('the books')
  await page.getByRole('status').getByText('The books balance').waitFor()
  await next()
  await step(6)
  await go('the current webhook')
  // Whatever the hour of the story is: once it refuses the token, and takes it again.
  await tour.getByText('The receiver takes the token again: press Resume.').waitFor({ timeout: 150_000 })
  await press('Resume')
  await tour.getByText('It goes on where it stopped').waitFor()
  await next()
  await step(7)
  await go('the activation')
  await press('Dry run')
  await page.getByRole('main').getByText('Succeeded').first().waitFor()
  await next()
  await step(8)
  await press('Run now')
  await press('Run')
  await next()
  await step(9)
  await go('the simulated Braze')
  await page
    .getByRole('main')
    .getByRole('link', { name: /Members of the cohort/ })
    .waitFor()
  await tour.getByRole('button', { name: 'Done' }).click()
  await tour.waitFor({ state: 'detached' })

  const books = await stack.call('GET', '/ledger/check')
  expect(books.currents.length).toBeGreaterThan(4)
  expect(books.balanced).toBe(true)
  const [run] = (await stack.call('GET', '/activations/email-openers/runs')).runs
  expect(run).toMatchObject({ dry: false, state: 'succeeded' })
}, 300_000)
