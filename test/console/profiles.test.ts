/** People, streams and erasures, worked in the browser: what is pressed here has happened at the hub. */

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { JANE, populate } from '../support/person.ts'
import { SOURCE, stackOf, TOKEN } from '../support/stack.ts'
import { warehouseRows } from '../support/warehouse-rows.ts'
import { type ConsoleStack, startConsole } from './browser.ts'
import { expectAccessible, expectFits, visit } from './visit.ts'

let stack: ConsoleStack
beforeAll(async () => {
  stack = await startConsole()
  const { hub, sandbox } = stack
  await hub.sources.create({ name: SOURCE, kind: 'braze-currents', settings: {}, token: TOKEN })
  await populate(stackOf(hub, sandbox))
  await told([
    { external_id: 'u1', first_name: 'Ada', last_name: 'Lovelace', plan: 'Gold' },
    { email: 'ada@example.com', city: 'London' },
    { external_id: 'u2', first_name: 'Charles', last_name: 'Babbage' },
    { external_id: 'u3', first_name: 'Mary', last_name: 'Somerville', email: 'mary@example.com' },
    { braze_id: 'b3', first_name: 'Maria', city: 'Jedburgh' },
  ])
  // Joins the first two; then somebody else claims the address, which makes a conflict.
  await told([{ external_id: 'u1', email: 'ada@example.com' }])
  await told([{ external_id: 'u2', email: 'ada@example.com' }])
}, 120_000)
afterAll(() => stack.close())

/** Rows of braze_users, and a wait until profiles have them. */
async function told(rows: readonly object[]): Promise<void> {
  const { hub } = stack
  const answer = await fetch(`${hub.url}/collect/json/braze_users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'lytics-token' },
    body: JSON.stringify(rows),
  })
  expect(answer.status).toBe(200)
  await eventually(
    'the profiles have read the log',
    () => (hub.profiles.status().position ?? 0) >= hub.log.head,
  )
}

const profileOf = async (field: string, value: string) =>
  (await stack.call('GET', `/profiles?field=${field}&value=${encodeURIComponent(value)}`)).profiles[0]

test('the picture fits a phone, and says what was claimed by two', async () => {
  const charles = await profileOf('external_id', 'u2')
  const page = await visit(stack, `/profiles/${charles.id}`, { phone: true })
  await page.getByRole('link', { name: /email rank 3 ada@example.com/ }).waitFor()
  await expectFits(page)
  await page
    .getByRole('region', { name: 'Conflicts' })
    .first()
    .getByText(/may not have so many/)
    .first()
    .waitFor()
})

test('somebody is found by the beginning of an identifier and by a value; a join is undone after a look at it', async () => {
  const page = await visit(stack, '/profiles')
  await page.getByRole('textbox', { name: 'Search' }).fill('ada@ex')
  await page.getByRole('link', { name: 'Ada Lovelace' }).waitFor()
  await eventually(
    'nobody else is left',
    async () => (await page.getByRole('region', { name: 'People' }).getByRole('row').count()) === 2,
  )
  await page.getByRole('textbox', { name: 'Search' }).fill('babbage')
  await page.getByRole('button', { name: 'Look in values of all fields' }).click()
  await page.getByRole('link', { name: 'Charles Babbage' }).waitFor()
  expect(page.url()).toContain('look=values')

  const joined = await profileOf('email', 'ada@example.com')
  await page.goto(`${stack.hub.url}/profiles/${joined.id}`)
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
  await page.getByText('joined two profiles').waitFor()
  await page.getByText(/^join \d+, braze_users$/).waitFor()
  await expectAccessible(page)
  await page.getByRole('link', { name: 'Traits', exact: true }).click()
  await page.getByRole('row', { name: /city London braze_users/ }).waitFor()

  await page.getByRole('link', { name: 'Joins and conflicts' }).click()
  await page.getByRole('button', { name: 'Undo' }).click()
  const dialog = page.getByRole('dialog', { name: 'Undo' })
  await dialog.getByText('comes about').waitFor()
  await dialog.getByRole('row', { name: 'city London –' }).waitFor()
  await dialog.getByLabel('Note').fill('a family address')
  await dialog.getByRole('button', { name: 'Undo the join' }).click()
  await page.getByText(/^Undone/).waitFor()
  const [ada, address] = [await profileOf('external_id', 'u1'), await profileOf('email', 'ada@example.com')]
  expect(address.id).not.toBe(ada.id)
  expect(address.fields.city.value).toBe('London')
  expect((await stack.call('GET', '/profiles/never-links')).pairs).toMatchObject([
    { note: 'a family address' },
  ])
  // The address is theirs no more, so the picture shows it no longer; what is kept apart is told below.
  await page.getByRole('row', { name: /external_id u1.*a family address/ }).waitFor()
})

test('two are joined after a look at what would become of them', async () => {
  const [mary, other] = [await profileOf('external_id', 'u3'), await profileOf('br_user_id', 'b3')]
  const page = await visit(stack, `/profiles/${mary.id}`)
  await page.getByRole('button', { name: 'Join with…' }).click()
  const dialog = page.getByRole('dialog', { name: /Join Mary Somerville/ })
  await dialog.getByLabel('Whom').fill('b3')
  await dialog.getByRole('button', { name: /Maria/ }).click()
  await dialog.getByRole('row', { name: /city – Jedburgh/ }).waitFor()
  expect((await profileOf('br_user_id', 'b3')).id).toBe(other.id)
  await dialog.getByRole('button', { name: 'Join the two' }).click()
  await dialog.waitFor({ state: 'hidden' })
  const whole = await profileOf('br_user_id', 'b3')
  expect(whole.id).toBe(mary.id)
  expect(whole.fields.city.value).toBe('Jedburgh')
  await page.getByRole('region', { name: 'Identifiers', exact: true }).getByText('b3').waitFor()
  // The number of the one that was joined leads to the whole.
  await page.goto(`${stack.hub.url}/profiles/${other.id}`)
  await page.getByText('was joined into it').waitFor()
})

test('a mapping is tried while it is written, checked, saved with its difference, and read again', {
  timeout: 60_000,
}, async () => {
  const page = await visit(stack, '/streams/braze_users')
  await page.getByLabel('Sample record').fill('{"external_id": "u9", "plan": "Gold"}')
  await page.getByRole('button', { name: 'Add a mapping' }).click()
  const rows = page.getByRole('region', { name: 'Mappings' }).getByRole('row')
  const last = rows.last()
  await last.getByLabel(/^Source expression/).fill('tolower(plan')
  await last.getByLabel(/^Field/).fill('plan')
  await page.getByText('1 problem.').waitFor()
  expect(await page.getByRole('button', { name: 'Save as a new version' }).isDisabled()).toBe(true)
  await last.getByLabel(/^Source expression/).fill('tolower(plan)')
  await last.getByText('gold', { exact: true }).waitFor()
  await page.getByText('external_id u9').waitFor()

  await page.getByRole('button', { name: 'Save as a new version' }).click()
  const dialog = page.getByRole('dialog', { name: 'Save as a new version' })
  await dialog.getByText('braze_users: + tolower(plan) → plan').waitFor()
  await dialog.getByLabel('Note').fill('plans')
  await dialog.getByRole('button', { name: 'Save the version' }).click()
  await page.getByText('As in version 1.').waitFor()
  const { definition, note } = await stack.call('GET', '/profile-schema')
  expect(note).toBe('plans')
  expect(definition.fields.at(-1)).toMatchObject({ name: 'plan', type: 'string' })

  await page.getByRole('button', { name: 'Read the kept log again' }).click()
  await page.getByText(/records of the log are gone through/).waitFor()
  await page.getByRole('button', { name: 'Read it again' }).click()
  await eventually(
    'the earlier record has its plan',
    async () => (await profileOf('external_id', 'u1')).fields.plan?.value === 'gold',
  )
  await page.goto(`${stack.hub.url}/streams/schema/versions`)
  await page
    .getByRole('article', { name: 'Version 1' })
    .getByText('braze_users: + tolower(plan) → plan')
    .waitFor()
})

test('the rules of an identifier are changed by a form', async () => {
  const page = await visit(stack, '/streams/schema/identifiers')
  await page.getByRole('button', { name: 'Edit email' }).click()
  const form = page.getByRole('dialog', { name: 'Identifier email' })
  await form.getByLabel('Values that identify nobody').fill('info@example.com')
  await page.keyboard.press('Enter')
  await form.getByRole('button', { name: 'Save as a new version' }).click()
  const dialog = page.getByRole('dialog', { name: 'Save as a new version' })
  await dialog.getByText(/field email, identifier/).waitFor()
  await dialog.getByRole('button', { name: 'Save the version' }).click()
  await form.waitFor({ state: 'hidden' })
  const { definition } = await stack.call('GET', '/profile-schema')
  const email = definition.fields.find(({ name }: { name: string }) => name === 'email')
  expect(email.identifier.blocked).toEqual(['no@email.com', 'info@example.com'])
})

test('a person is erased after a plan; the receipt verifies, and no store tells of them', {
  timeout: 60_000,
}, async () => {
  const { hub } = stack
  const jane = await profileOf('external_id', JANE.externalId)
  const page = await visit(stack, `/profiles/${jane.id}`)
  await page.getByRole('link', { name: 'Timeline' }).click()
  await page.getByRole('link', { name: 'What became of it' }).first().waitFor()
  await page.getByRole('link', { name: 'Erase…' }).click()
  await page.getByRole('button', { name: 'Show what would be erased' }).click()
  const plan = page.getByRole('region', { name: 'Plan' })
  await plan.getByText(JANE.device).waitFor({ timeout: 30_000 })
  await plan.getByRole('row', { name: 'Dead letters 2' }).waitFor()
  await plan.getByText(/Current receiver/).waitFor()
  expect(await profileOf('external_id', JANE.externalId)).toMatchObject({ id: jane.id })

  await page.getByLabel('Why').fill('letter of 3 May')
  await page.getByRole('button', { name: 'Erase this person' }).click()
  const dialog = page.getByRole('dialog', { name: 'Erase this person' })
  const deed = dialog.getByRole('button', { name: 'Erase for good' })
  expect(await deed.isDisabled()).toBe(true)
  await dialog.getByRole('textbox').fill(JANE.externalId)
  await deed.click()
  const receipt = page.getByRole('region', { name: 'Receipt' })
  await receipt.getByText('no identifier was found in any of them.').waitFor({ timeout: 60_000 })
  await receipt.getByRole('button', { name: 'Verify' }).click()
  await receipt.getByText('it was signed here').waitFor()
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    receipt.getByRole('button', { name: 'Download' }).click(),
  ])
  const saved = JSON.parse(await readFile(await download.path(), 'utf8'))
  expect(await stack.call('POST', '/erasures/verify', saved)).toEqual({ verdict: 'ours' })
  await expectAccessible(page)

  expect((await stack.call('GET', `/profiles?value=${JANE.externalId}`)).profiles).toEqual([])
  const held = `select count(*) from events where external_user_id = '${JANE.externalId}'`
  expect(await warehouseRows(hub, held)).toEqual([[0]])
  const letters = await hub.delivery.letters.list({ limit: 10 })
  expect(letters.find(({ eventId }) => eventId === 'hers-100')).toMatchObject({ state: 'discarded' })
  expect(JSON.stringify(letters)).not.toContain(JANE.externalId)

  // A node that was away signs an addendum; another one is still to come.
  const erasure = saved.receipt.erasure
  const addendum = {
    version: 1,
    erasure,
    node: 'second',
    finishedAt: 1,
    places: [],
    search: { files: 1, bytes: 1, remaining: [] },
    publicKey: saved.receipt.publicKey,
  }
  for (const [node, step, rest] of [
    ['second', 'done', { addendum: JSON.stringify(addendum), signature: 'signed' }],
    ['third', 'folders', { problem: 'no room' }],
  ] as const)
    await hub.store.db
      .insertInto('erasure_parts')
      .values({
        ...{ erasure, node, step, sealed: null, removed: '{"rosters":2}', search: null, problem: '' },
        ...{ addendum: null, signature: null, updated_at: 1 },
        ...rest,
      })
      .execute()
  await page.reload()
  const nodes = page.getByRole('region', { name: 'Nodes' })
  await nodes.getByRole('row', { name: /third.*Tried again.*no room/ }).waitFor()
  const [late] = await Promise.all([
    page.waitForEvent('download'),
    nodes
      .getByRole('row', { name: /second.*Erased/ })
      .getByRole('button', { name: 'Download the addendum' })
      .click(),
  ])
  expect(JSON.parse(await readFile(await late.path(), 'utf8'))).toEqual({
    receipt: addendum,
    signature: 'signed',
  })
  await expectAccessible(page)

  await page.getByRole('button', { name: 'Let them in again' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Let them in again' }).click()
  await page.getByText(/spellings are not kept out any more/).waitFor()
  expect(hub.erasures.suppression.size).toBe(0)

  await page.goto(`${hub.url}/erasures`)
  await page.getByRole('row', { name: /letter of 3 May/ }).waitFor()
  await page.getByText('to come on third').waitFor()
  await page
    .getByLabel('Verify a receipt')
    .or(page.locator('input[type=file]'))
    .first()
    .setInputFiles({
      name: 'receipt.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify({ ...saved, receipt: { ...saved.receipt, requestedBy: 'me' } })),
    })
  await page.getByText('The receipt is not as it was signed.').waitFor()
})
