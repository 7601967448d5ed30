/** Currents: made and launched by the wizard, mended when halted, replayed, revised; each with its effect at the double or the API. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { event } from '../support/stack.ts'
import { type ConsoleStack, startConsole } from './browser.ts'
import { expectAccessible, visit } from './visit.ts'

const SOURCE = 'braze'
const TOKEN = 'test-source-token'
const PUSH = 'users.messages.pushnotification.Send'

let stack: ConsoleStack
beforeAll(async () => {
  stack = await startConsole()
  await stack.hub.sources.create({ name: SOURCE, kind: 'braze-currents', settings: {}, token: TOKEN })
}, 120_000)
afterAll(() => stack.close())

async function post(events: readonly unknown[]): Promise<void> {
  const answer = await fetch(`${stack.hub.url}/currents/${SOURCE}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      'braze-currents-version': '1',
    },
    body: JSON.stringify({ events }),
  })
  expect(answer.status).toBe(200)
}

const treasureData = () => ({
  form: 'records',
  host: stack.sandbox.addresses.treasureData,
  database: DEMO.database,
  table: DEMO.table,
})

/** A running current by the API. */
async function launch(name: string, destination: object, also: object = {}): Promise<void> {
  await stack.call('POST', '/currents', {
    name,
    contactEmail: 'contact@example.com',
    sources: [SOURCE],
    delivery: { waitMs: 0 },
    destination,
    ...also,
  })
  await stack.call('POST', `/currents/${name}/launch`, {})
}

/** Each current has an address of its own at the double. */
const toHttp = (path: string) => ({
  kind: 'http',
  settings: { url: `${stack.sandbox.addresses.http}/${path}` },
})
/** How often an event came to such an address of the double. */
const requestsWith = (path: string, id: string): number =>
  stack.sandbox.http.vendor
    .requests()
    .filter((request) => request.path === `/${path}` && request.body.includes(`"${id}"`)).length
const hasRow = (id: string): boolean => stack.sandbox.treasureData.vendor.arrivals.counts().has(id)
const rows = (): string =>
  stack.sandbox.treasureData.vendor
    .rows()
    .map(({ bytes }) => bytes.toString())
    .join()

test('a current is made step by step, tested, launched from the beginning, and delivers', {
  timeout: 60_000,
}, async () => {
  await post([event('w1'), event('w2'), event('w3', { type: PUSH })])
  const page = await visit(stack, '/currents/new', { refusals: ['/api/v1/currents'] })
  const next = page.getByRole('button', { name: 'Next' })

  await page.getByRole('checkbox', { name: /^braze,/ }).click()
  await next.click()
  await page.getByRole('button', { name: 'Nothing', exact: true }).click()
  await page.getByText('Nothing flows yet').waitFor()
  expect(await next.isDisabled()).toBe(true)
  await page.getByRole('checkbox', { name: 'All of Email' }).click()
  await page.getByText(/Of 3 events of the last 24 hours, 2 are of these types/).waitFor()
  await next.click()
  await page.getByRole('radiogroup', { name: 'What becomes of email_address' }).getByText('Hash').click()
  await next.click()

  await page.getByRole('radio', { name: 'Treasure Data' }).click()
  await page.getByLabel('Form', { exact: true }).selectOption('records')
  await page.getByLabel('Host', { exact: true }).fill(stack.sandbox.addresses.treasureData)
  await page.getByLabel('Database', { exact: true }).fill(DEMO.database)
  await page.getByLabel('Table', { exact: true }).fill(DEMO.table)
  await page.getByRole('button', { name: 'New authorization' }).click()
  await page.getByLabel('Label').fill('TD by the wizard')
  await page.getByLabel('Write key').fill(DEMO.treasureDataKey)
  await page.getByRole('button', { name: 'Keep it' }).click()
  await page.getByText('Kept the authorization TD by the wizard').waitFor()
  await expectAccessible(page)
  await next.click()

  // The test step: nothing has been sent, and what would be is shown.
  await page.getByRole('button', { name: 'Test the destination' }).click()
  await page.getByText('It accepts a write').waitFor()
  await page.getByText('Of the last 3 events of these sources, 2 would be sent').waitFor()
  const body = page.getByRole('region', { name: 'Body of the request' })
  await body.waitFor()
  expect(await body.innerText()).not.toContain('w2@example.com')
  expect(hasRow('w2')).toBe(false)

  // Back and forth: everything is kept.
  for (let i = 0; i < 4; i++) await page.getByRole('button', { name: 'Back' }).click()
  expect(await page.getByRole('checkbox', { name: /^braze,/ }).isChecked()).toBe(true)
  await page.reload()
  for (let i = 0; i < 5; i++) await next.click()

  await page.getByLabel('Name').fill('Bad Name')
  await page.getByLabel('Contact').fill('data-team@example.com')
  await page.getByRole('radio', { name: 'The earliest event that is kept' }).click()
  await page.getByRole('button', { name: 'Launch', exact: true }).click()
  await page.getByText('lower-case letters, digits and dashes, at most 63').first().waitFor()
  expect(await page.getByLabel('Name').getAttribute('aria-invalid')).toBe('true')
  await page.getByLabel('Name').fill('to-td')
  await page.getByRole('button', { name: 'Launch', exact: true }).click()
  await page.getByRole('heading', { name: 'to-td' }).waitFor()
  await page.waitForURL('**/currents/to-td')

  await eventually('the double has both', () => ['w1', 'w2'].every(hasRow))
  expect(rows()).toContain('w1')
  expect(rows()).not.toContain('w1@example.com')
  expect(hasRow('w3')).toBe(false)
  const made = await stack.call('GET', '/currents/to-td')
  expect(made.definition.selection).toEqual({ include: ['channel:email'], exclude: [] })
  expect(made.definition.fields).toEqual({ email_address: 'hash' })
  // The funnel on its page counts them.
  await page.getByRole('link', { name: /^Delivered 2/ }).waitFor()
  await page.getByRole('link', { name: /^Filtered 1/ }).waitFor()
})

test('a halted current says why; with a new secret it runs again and loses nothing', {
  timeout: 60_000,
}, async () => {
  const { id } = await stack.call('POST', '/authorizations', {
    label: 'Expired',
    provider: 'treasure-data',
    credentials: { writeKey: '1/0000000000000000000000000000000000000000' },
  })
  await launch('refused', { kind: 'treasure-data', settings: treasureData(), authorization: id })
  await post([event('h1')])
  const page = await visit(stack, '/currents/refused')
  const note = page.getByRole('main').getByRole('alert')
  await note.getByText(/^Halted: /).waitFor()
  await note
    .getByText(/answered 40[13]/)
    .first()
    .waitFor()
  await note.getByText(/Nothing is lost: 1 events? wait/).waitFor()
  // Nobody has looked yet whether it is to be sent.
  await page.getByRole('link', { name: /^Sent 0/ }).waitFor()
  await page.getByRole('link', { name: /^Pending 1/ }).waitFor()
  await expectAccessible(page)
  await note.getByRole('button', { name: 'Give it a new secret' }).click()
  await note.getByLabel('Write key').fill(DEMO.treasureDataKey)
  await note.getByRole('button', { name: 'Keep the new secret' }).click()
  await page.getByText('Running', { exact: true }).waitFor()
  await note.waitFor({ state: 'detached' })
  await eventually('it arrived', () => hasRow('h1'))
})

test('what was mended elsewhere is resumed by hand', { timeout: 60_000 }, async () => {
  const { sandbox } = stack
  sandbox.http.faults.set([{ kind: 'status', status: 401, body: '{"error":"token expired"}' }])
  await launch('hook', toHttp('hook'))
  await post([event('r1')])
  const page = await visit(stack, '/currents/hook')
  const note = page.getByRole('main').getByRole('alert')
  await note.getByText(/^Halted: /).waitFor()
  await note.getByRole('button', { name: 'Test the destination' }).click()
  await note.getByText('It does not accept a write: it answered 401').waitFor()
  sandbox.http.faults.clear()
  await note.getByRole('button', { name: 'Resume' }).click()
  await page.getByText('hook tries again where it stopped').waitFor()
  await eventually('it arrived', () => requestsWith('hook', 'r1') === 1)
  await note.waitFor({ state: 'detached' })
  await eventually('the focus is at the page, for its button is gone', () =>
    page.evaluate(() => document.activeElement?.id === 'page'),
  )
  await page.getByRole('link', { name: 'Live events' }).click()
  const row = page.getByRole('region', { name: 'Newest events' }).getByRole('row').nth(1)
  await row.getByText('answered 204').waitFor()

  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByRole('dialog').getByLabel('Why').fill('lunch')
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click()
  await page.getByText('Paused', { exact: true }).waitFor()
  expect(await stack.call('GET', '/currents/hook')).toMatchObject({ state: 'paused', stateReason: 'lunch' })
})

test('a replay is previewed, started, and sends the window again', { timeout: 60_000 }, async () => {
  await post([event('p1')])
  await launch('again', toHttp('again'))
  await post([event('p2')])
  await eventually('p2 arrived', () => requestsWith('again', 'p2') === 1)
  const page = await visit(stack, '/currents/again/replay')
  await page.getByRole('button', { name: 'Last 24 hours' }).click()
  await page.getByRole('button', { name: 'Preview', exact: true }).click()
  const preview = page.getByRole('region', { name: 'What the replay would do' })
  await preview.getByText('may arrive twice').waitFor()
  const plan = await stack.call('POST', '/currents/again/replays/preview', { fromMs: 0, toMs: Date.now() })
  expect(plan.alreadySettled).toBe(1)
  await preview.getByText(String(plan.selected), { exact: true }).waitFor()
  await preview.getByRole('button', { name: 'Start the replay' }).click()
  await page
    .getByRole('dialog')
    .getByText(/1 of them for the second time/)
    .waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Start the replay' }).click()
  await page.getByRole('region', { name: 'Replays' }).getByText('Finished').waitFor()
  expect([requestsWith('again', 'p1'), requestsWith('again', 'p2')].every((count) => count >= 1)).toBe(true)
  await eventually('p2 came twice', () => requestsWith('again', 'p2') === 2)
  expect((await stack.call('GET', '/currents/again/replays')).replays[0]).toMatchObject({
    state: 'finished',
    delivered: plan.selected,
  })
})

test('settings are changed as a second version, whose effect is shown before', {
  timeout: 60_000,
}, async () => {
  await launch('revised', toHttp('revised'))
  await post([event('s1'), event('s2', { type: PUSH })])
  await eventually(
    'both arrived',
    () => requestsWith('revised', 's1') === 1 && requestsWith('revised', 's2') === 1,
  )
  const page = await visit(stack, '/currents/revised/settings')
  await page.getByRole('button', { name: /^Events/ }).click()
  await page.getByRole('checkbox', { name: 'All of Email' }).click()
  const change = page.getByRole('region', { name: 'The change' })
  await change.getByText('Version 2 would change').waitFor()
  await change.getByText('channel:email').waitFor()
  await change.getByText('Would no longer be sent').first().waitFor()
  await change.getByText('After: not sent').first().waitFor()
  await change.getByLabel('Why').fill('no email')
  await change.getByRole('button', { name: 'Save as version 2' }).click()
  await page.getByText('Version 2, the present one').waitFor()
  const { versions } = await stack.call('GET', '/currents/revised/versions')
  expect(versions.at(-1)).toMatchObject({
    version: 2,
    note: 'no email',
    definition: { selection: { include: ['*'], exclude: ['channel:email'] } },
  })
  await post([event('s3'), event('s4', { type: PUSH })])
  await eventually('s4 arrived', () => requestsWith('revised', 's4') === 1)
  expect(requestsWith('revised', 's3')).toBe(0)

  await page.getByRole('button', { name: 'Delete this current' }).click()
  const dialog = page.getByRole('dialog')
  const deed = dialog.getByRole('button', { name: 'Delete it for ever' })
  expect(await deed.isDisabled()).toBe(true)
  await dialog.getByLabel('Type revised to go on').fill('revised')
  await deed.click()
  await page.waitForURL('**/currents')
  const { currents } = await stack.call('GET', '/currents')
  expect(currents.map(({ name }: { name: string }) => name)).not.toContain('revised')
})

test('the books of a current are proven on its page', { timeout: 60_000 }, async () => {
  const page = await visit(stack, '/currents/to-td/ledger')
  await page.getByText('The books balance').waitFor()
  await page.getByRole('region', { name: 'Ledger by time' }).getByRole('row').nth(1).waitFor()
})
