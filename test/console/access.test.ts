import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConsoleStack, PHONE, startConsole } from './browser.ts'
import { expectAccessible, expectFits, visit } from './visit.ts'

const OWNER = { name: 'Ann Lee', email: 'ann@example.com', password: 'a horse and a battery' }
const BEN = { name: 'Ben Ng', email: 'ben@example.com', password: 'correct horse staple' }
/** Their sign-ins are asked of the API before the pages are: nobody who has not come in may read anything else. */
const NOBODY = { as: 'nobody' } as const

let stack: ConsoleStack
beforeAll(async () => {
  stack = await startConsole()
}, 120_000)
afterAll(() => stack.close())

async function signIn(page: Page, { email, password }: typeof OWNER): Promise<void> {
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel(/^Password/).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

async function asOwner(path: string): Promise<Page> {
  const page = await visit(stack, path, NOBODY)
  await signIn(page, OWNER)
  return page
}

test('the first owner is made by the code in the link, and is in', { timeout: 60_000 }, async () => {
  const wrong = await visit(stack, '/setup#code=thalweg_setup_wrong', { ...NOBODY, refusals: ['/setup'] })
  await fillSetup(wrong)
  await wrong.getByRole('alert').getByText('The set-up code is wrong').waitFor()
  const page = await visit(stack, `/setup#code=${stack.setupCode}`, NOBODY)
  await fillSetup(page)
  await page.getByRole('heading', { name: 'Loop' }).waitFor()
  expect(page.url()).not.toContain('code')
  await page.getByRole('button', { name: 'You: Ann Lee' }).click()
  await page.getByText('ann@example.com · Admin').waitFor()
  const { people } = await stack.call('GET', '/people')
  expect(people).toMatchObject([{ email: OWNER.email, role: 'admin', state: 'active' }])
})

async function fillSetup(page: Page): Promise<void> {
  await page.getByLabel('Name').fill(OWNER.name)
  await page.getByLabel('E-mail address').fill(OWNER.email)
  await page.getByLabel(/^Password/).fill(OWNER.password)
  await page.getByRole('button', { name: 'Become the owner' }).click()
}

test('whoever has not come in signs in where the link led, and goes out again', {
  timeout: 60_000,
}, async () => {
  const page = await visit(stack, '/access/tokens', { ...NOBODY, refusals: ['/api/v1/session'] })
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await expectAccessible(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  await expectAccessible(page, 'color-contrast')
  await page.setViewportSize(PHONE)
  await expectFits(page)
  await signIn(page, { ...OWNER, password: 'wrong and long' })
  await page.getByRole('alert').getByText('The e-mail address or the password is wrong').waitFor()
  await signIn(page, OWNER)
  await page.getByRole('heading', { name: 'API tokens' }).waitFor()
  await page.getByRole('button', { name: 'You: Ann Lee' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
})

test('somebody is invited, comes in, gets another role, and is shut out at once', {
  timeout: 60_000,
}, async () => {
  const page = await asOwner('/access')
  await page.getByRole('button', { name: 'Invite somebody' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('E-mail address').fill(BEN.email)
  await dialog.getByLabel('Name').fill(BEN.name)
  await dialog.getByRole('button', { name: 'Make the link' }).click()
  const link = (await dialog.getByText('/accept#code=').textContent()) ?? ''
  await expectAccessible(page)
  await dialog.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('link', { name: BEN.name }).waitFor()

  // What was on its way when the door was shut is refused.
  const ben = await visit(stack, link.slice(stack.hub.url.length), { ...NOBODY, refusals: ['/api/v1/'] })
  await ben.getByLabel(/^Password/).fill(BEN.password)
  await ben.getByRole('button', { name: 'Choose it and sign in' }).click()
  await ben.getByRole('heading', { name: 'Loop' }).waitFor()
  await ben.goto(`${stack.hub.url}/access`)
  await ben.getByText('People and their roles are for admins').waitFor()
  await expectAccessible(ben)

  await page.getByRole('link', { name: BEN.name }).click()
  await page.getByRole('heading', { name: BEN.name }).waitFor()
  await expectAccessible(page)
  await page.getByRole('radio', { name: 'Operator' }).check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText(`${BEN.name} was changed`).waitFor()
  await ben.goto(`${stack.hub.url}/access/you`)
  await ben.getByText('Operator: Also changes what flows').waitFor()

  await page.getByRole('button', { name: 'Disable', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('button', { name: 'Enable', exact: true }).waitFor()
  await ben.goto(`${stack.hub.url}/access/you`)
  await ben.getByRole('heading', { name: 'Sign in' }).waitFor()
  expect((await stack.call('GET', `/people/${BEN.email}`)).state).toBe('disabled')

  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByRole('dialog').getByLabel(`Type ${BEN.email} to go on`).fill(BEN.email)
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('heading', { name: 'Access' }).waitFor()
  expect((await stack.call('GET', '/people')).people).toHaveLength(1)
})

test('the last admin is told why they stay one', { timeout: 60_000 }, async () => {
  const page = await visit(stack, '/access', { ...NOBODY, refusals: ['/people/'] })
  await signIn(page, OWNER)
  await page.getByRole('link', { name: OWNER.name }).click()
  await page.getByRole('button', { name: 'Disable', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('dialog').getByText('is the last admin who can sign in').waitFor()
})

test('a token is shown once, works, and is revoked', { timeout: 60_000 }, async () => {
  const page = await asOwner('/access/tokens')
  await page.getByRole('button', { name: 'Make a token' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Label').fill('nightly job')
  await dialog.getByRole('button', { name: 'Make the token' }).click()
  const secret = (await dialog.getByText(/^thalweg_api_/).textContent()) ?? ''
  await dialog.getByRole('button', { name: 'Done' }).click()
  const ask = () =>
    fetch(`${stack.hub.url}/api/v1/tokens/mine`, { headers: { authorization: `Bearer ${secret}` } })
  expect(await (await ask()).json()).toMatchObject({ label: 'nightly job', role: 'viewer' })
  const row = page.getByRole('row', { name: /nightly job/ })
  await row.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await row.waitFor({ state: 'detached' })
  expect((await ask()).status).toBe(401)
})

test('one’s own name, password and sessions', { timeout: 60_000 }, async () => {
  const other = await asOwner('/access/you')
  await other.getByRole('heading', { name: 'You' }).waitFor()
  const page = await visit(stack, '/access/you', { ...NOBODY, refusals: ['/api/v1/me'] })
  await signIn(page, OWNER)
  await page.getByRole('row', { name: /this one/ }).waitFor()
  await page.getByRole('button', { name: 'End all others' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End all others' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await page.getByRole('table').getByRole('row').count()).toBe(2)
  await page.getByLabel('Old password').fill('wrong and long')
  await page.getByLabel('New password').fill('another horse and battery')
  await page.getByRole('button', { name: 'Change the password' }).click()
  await page.getByRole('alert').getByText('The old password is wrong').waitFor()
  await page.getByLabel('Old password').fill(OWNER.password)
  await page.getByRole('button', { name: 'Change the password' }).click()
  await page.getByText('Your password was changed').waitFor()
  await page.getByLabel('What you are called').fill('Ann L.')
  await page.getByRole('button', { name: 'Save the name' }).click()
  await page.getByRole('button', { name: 'You: Ann L.' }).waitFor()
})

test('a change is found by its object, and shown before and after', { timeout: 60_000 }, async () => {
  const { id } = (
    await stack.call('POST', '/people', { email: 'cy@example.com', name: 'Cy', role: 'viewer' })
  ).person
  await stack.call('PATCH', `/people/${id}`, { role: 'operator' })
  const page = await visit(stack, `/audit?object=person:${id}`)
  await page.getByRole('link', { name: 'Invite person' }).waitFor()
  await expectAccessible(page)
  await page.getByRole('link', { name: 'Update person' }).click()
  await page.getByRole('heading', { name: 'Update person' }).waitFor()
  const states = page.getByRole('region', { name: 'Before and after' })
  await states.getByText('- "role": "viewer"').waitFor()
  await states.getByText('+ "role": "operator"').waitFor()
  await expectAccessible(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  await expectAccessible(page, 'color-contrast')
  await page.setViewportSize(PHONE)
  await expectFits(page)
  await page.getByRole('link', { name: 'of this object' }).click()
  await page.getByRole('link', { name: 'Invite person' }).waitFor()
  expect(decodeURIComponent(page.url())).toContain(`object=person:${id}`)
  await page.getByLabel('Outcome', { exact: true }).selectOption('refused')
  await page.getByText('No change fits the filters').waitFor()
  expect(page.url()).toContain('outcome=refused')
})

test('a viewer is told whom to ask, and asks the API nothing that it refuses', {
  timeout: 60_000,
}, async () => {
  const page = await visit(stack, '/audit', { as: 'viewer' })
  await page.getByText('The trail and its entries are for admins').waitFor()
})
