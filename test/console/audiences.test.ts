/** Work on audiences in a real browser: a rule built and written, its size, whom a change moves, why somebody is in it. */

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type ConsoleStack, startConsole } from './browser.ts'
import { expectAccessible, visit } from './visit.ts'

const TOKEN = 'lytics-token'
const PEOPLE = 20

let stack: ConsoleStack
let begun: number
beforeAll(async () => {
  stack = await startConsole()
  const { hub } = stack
  await hub.sources.create({ name: 'lytics', kind: 'lytics', settings: { account: '1' }, token: TOKEN })
  begun = Date.now()
  const answer = await fetch(`${hub.url}/collect/json/braze_users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: TOKEN },
    body: JSON.stringify(
      Array.from({ length: PEOPLE }, (_, n) => ({
        ...{ external_id: `u${n}`, email: `p${n}@example.com`, country: 'it' },
        city: n % 2 === 0 ? 'Oslo' : n % 4 === 1 ? 'Rome' : 'Milan',
      })),
    ),
  })
  expect(answer.status).toBe(200)
  await eventually(
    'everybody is known',
    async () => (await stack.call('GET', '/profiles/status')).profiles === PEOPLE,
  )
}, 120_000)
afterAll(() => stack.close())

const text = (page: Page) => page.getByRole('textbox', { name: 'FilterQL' })
const builder = (page: Page) => page.getByRole('region', { name: 'Rule builder' })

async function write(page: Page, filter: string): Promise<void> {
  await text(page).click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.insertText(filter)
}

async function choose(page: Page, nth: number, subject: string): Promise<void> {
  const what = builder(page).getByRole('combobox', { name: 'What' }).nth(nth)
  await what.fill(subject)
  await page.getByRole('option', { name: subject, exact: true }).click()
}

const stat = (page: Page, label: string, value: string) =>
  page.getByText(label, { exact: true }).locator('..').getByText(value, { exact: true }).waitFor()

test('an audience is built, seen, kept, explained and compared', async () => {
  const page = await visit(stack, '/audiences/-new')
  await page.getByRole('textbox', { name: 'Name' }).fill('Romans')
  await stat(page, 'People it means', String(PEOPLE))

  await builder(page).getByRole('button', { name: 'Condition', exact: true }).click()
  await choose(page, 0, 'city')
  await builder(page).getByRole('textbox', { name: 'Value' }).fill('Rome')
  await text(page).getByText('city = "Rome"').waitFor()
  await stat(page, 'People it means', '5')
  await builder(page).getByRole('button', { name: 'Condition', exact: true }).click()
  await choose(page, 1, 'Did')
  await builder(page).getByRole('combobox', { name: 'Test' }).nth(1).selectOption('did not')
  await text(page)
    .getByText(/NOT timewindow\(events\./)
    .waitFor()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Save audience' }).click()

  await page.getByRole('heading', { name: 'Romans', level: 1 }).waitFor()
  await stat(page, 'People in it', '5')
  const kept = await stack.call('GET', '/audiences/romans')
  expect(kept.filter).toMatch(
    /^FILTER AND \(\n {2}city = "Rome",\n {2}NOT timewindow\(events\..+, 1, 7\)\n\)$/,
  )

  // Why is one in it, and another one not.
  await page.getByRole('link', { name: 'Why', exact: true }).click()
  const ask = async (person: string): Promise<void> => {
    await page.getByRole('combobox', { name: 'Known by' }).selectOption('external_id')
    await page.getByRole('textbox', { name: 'Person' }).fill(person)
    await page.keyboard.press('Enter')
  }
  await ask('u1')
  await page.getByRole('heading', { name: /is in Romans/ }).waitFor()
  const answer = page.getByRole('region', { name: 'Answer' })
  await answer.getByText('found Rome').waitFor()
  await page.getByRole('region', { name: 'Moves of this person' }).getByText('entered').waitFor()
  await ask('u2')
  await page.getByRole('heading', { name: /is not in Romans/ }).waitFor()
  await answer.getByText('found Oslo').waitFor()

  // Two instants: before anybody was there, and now.
  await page.getByRole('link', { name: 'Compare' }).click()
  await stat(page, 'At the first instant', '0')
  await stat(page, 'Entered', '5')
  const compared = await stack.call('GET', `/audiences/romans/compare?from=${begun - 1}&to=${Date.now()}`)
  expect(compared).toMatchObject({ sizeAtA: 0, sizeAtB: 5, entered: 5, left: 0 })
  const entered = page.getByRole('region', { name: 'Who entered' })
  await entered.getByText('p1@example.com').waitFor()

  await page.getByRole('link', { name: /^At the second instant/ }).click()
  await page.getByText('5 people at that moment').waitFor()
  await page.getByRole('button', { name: 'Now', exact: true }).click()
  await page.getByText('5 people now').waitFor()
  await page.getByRole('link', { name: 'Moves' }).click()
  await page.getByText('the rule changed').first().waitFor()
})

test('text and builder are one rule; whom a new version moves is shown before it is saved', async () => {
  const { number } = await stack.call('POST', '/audiences', {
    ...{ slug: 'northerners', name: 'Northerners', filter: 'FILTER city = "Oslo"' },
  })
  const page = await visit(stack, '/audiences/northerners/edit', { refusals: ['/audiences/validate'] })
  await builder(page).getByRole('textbox', { name: 'Value' }).waitFor()

  await write(page, '-- the north\nFILTER OR (city = "Milan", NOT EXISTS country)')
  await expectValue(page, 'Milan')
  await stat(page, 'Would enter', '5')
  await stat(page, 'Would leave', '10')
  expect(await builder(page).getByRole('combobox', { name: 'What' }).count()).toBe(2)

  // A mistake is marked at its place, and the builder waits.
  await write(page, 'FILTER cty = "Rome"')
  await page.getByRole('alert').getByText('There is no field cty; do you mean city?').waitFor()
  expect(await page.locator('.cm-lintRange-error').allTextContents()).toEqual(['cty'])

  // What has no picture is edited as text.
  await write(page, 'FILTER domain(email) = "example.com"')
  await page.getByText('This rule is edited as text').waitFor()
  await stat(page, 'People it means', String(PEOPLE))

  await write(page, 'FILTER city IN ("Milan", "Oslo")')
  await page.getByRole('textbox', { name: 'Note to this version' }).fill('wider')
  await page.getByRole('button', { name: 'Save as a new version' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('5 would enter and 0 would leave').waitFor()
  await dialog.getByRole('button', { name: 'Save', exact: true }).click()
  await stat(page, 'People in it', '15')
  const { versions } = await stack.call('GET', `/audiences/${number}/versions`)
  expect(versions[0]).toMatchObject({ note: 'wider', filter: 'FILTER city IN ("Milan", "Oslo")' })
})

async function expectValue(page: Page, value: string): Promise<void> {
  await eventually(
    `the builder shows ${value}`,
    async () => (await builder(page).getByRole('textbox', { name: 'Value' }).first().inputValue()) === value,
  )
}

test('what is needed is not deleted; what is not needed is, and its members leave', async () => {
  const inner = await stack.call('POST', '/audiences', { slug: 'inner', filter: 'FILTER country = "it"' })
  await stack.call('POST', '/audiences', { slug: 'outer', filter: 'FILTER INCLUDE inner' })
  const page = await visit(stack, '/audiences/inner/uses')
  await page.getByRole('link', { name: 'outer' }).waitFor()
  expect(await page.getByRole('button', { name: 'Delete audience' }).isDisabled()).toBe(true)
  await stack.call('DELETE', '/audiences/outer')
  await page.reload()
  await page.getByRole('button', { name: 'Delete audience' }).click()
  await page.getByRole('textbox', { name: 'Type inner to go on' }).fill('inner')
  await page.getByRole('dialog').getByRole('button', { name: 'Delete audience' }).click()
  await page.getByRole('heading', { name: 'Audiences', level: 1 }).waitFor()
  await eventually(
    'everybody left',
    async () => (await stack.call('GET', `/audiences/${inner.number}/size`)).size === 0,
  )
})
