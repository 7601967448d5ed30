/** Journeys in the rooms of the house: alerts and their channels, authorizations, the sandbox, the system. */

import { existsSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startMailServer } from '../support/mail-server.ts'
import { event, httpSink, treasureDataRecords } from '../support/stack.ts'
import { type ConsoleStack, startConsole } from './browser.ts'
import { expectAccessible, visit } from './visit.ts'

let stack: ConsoleStack
let door: { readonly url: string; readonly token: string }
beforeAll(async () => {
  stack = await startConsole()
  const { token } = await stack.call('POST', '/sources', {
    name: 'braze',
    kind: 'braze-currents',
    settings: {},
  })
  door = { url: `${stack.hub.url}/currents/braze`, token }
}, 120_000)
afterAll(() => stack.close())

/** What is typed into it is not shown, so it has no role; its button has the same label. */
function secretField(page: Page, label: RegExp) {
  return page.getByLabel(label).and(page.locator('input'))
}

async function post(id: string): Promise<void> {
  const answer = await fetch(door.url, {
    method: 'POST',
    headers: { authorization: `Bearer ${door.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events: [event(id)] }),
  })
  expect(answer.status).toBe(200)
}

test('a mail server is connected and tested; a halted current is mended by a new secret, and its contact hears of both', async () => {
  const mail = await startMailServer({ password: 'mail-password' })

  // The credentials of the mail server, by the form of its provider.
  const page = await visit(stack, '/authorizations/new')
  await page.getByRole('link', { name: 'Mail server (SMTP)' }).click()
  await page.getByRole('textbox', { name: 'Label' }).fill('Company mail')
  await secretField(page, /^User/).fill('hub')
  await secretField(page, /^Password/).fill('mail-password')
  await page.getByRole('button', { name: 'Keep these credentials' }).click()
  await page.getByRole('heading', { level: 1, name: 'Company mail' }).waitFor()
  expect(await page.content()).not.toContain('mail-password')

  // A channel that uses them, and a test that arrives.
  await page.goto(`${stack.hub.url}/alerts/channels`)
  await page.getByRole('link', { name: 'New mail server' }).click()
  await page.getByLabel('Authorization').selectOption({ label: 'Company mail' })
  await page.getByRole('textbox', { name: 'Name' }).fill('mail')
  await page.getByRole('textbox', { name: 'Host' }).fill('127.0.0.1')
  await page.getByRole('textbox', { name: 'Port' }).fill(String(mail.port))
  await page.getByLabel('TLS').selectOption('none')
  await page.getByRole('textbox', { name: 'Sender' }).fill('thalweg@example.org')
  await page.getByRole('button', { name: 'Make the channel' }).click()
  await page.getByRole('textbox', { name: 'To', exact: true }).first().waitFor()
  await page
    .locator('section', { has: page.getByRole('heading', { name: 'Test' }) })
    .getByLabel('To')
    .fill('me@example.com')
  await page.getByRole('button', { name: 'Send a test' }).click()
  await page.getByText('Taken for me@example.com').waitFor()
  expect(mail.mails).toMatchObject([{ to: ['me@example.com'], user: 'hub' }])
  await expectAccessible(page)

  // A current whose key is wrong halts; its contact is mailed, and the alert says what to do.
  const { settings, kind, credentials } = treasureDataRecords(stack.sandbox)
  const { id } = await stack.call('POST', '/authorizations', {
    label: 'Treasure Data',
    provider: kind,
    credentials: { writeKey: '1/ffffffffffffffffffffffffffffffffffffffff' },
  })
  await stack.call('POST', '/currents', {
    name: 'to-td',
    contactEmail: 'data@example.com',
    sources: ['braze'],
    delivery: { waitMs: 0 },
    destination: { kind, settings, authorization: id },
  })
  await stack.call('POST', '/currents/to-td/launch')
  await post('e1')
  await page.goto(`${stack.hub.url}/alerts`)
  await page.getByRole('link', { name: /Current to-td is halted/ }).click()
  await page.getByText('a new secret in its authorization').waitFor()
  await page.getByRole('textbox', { name: 'Note for the others' }).fill('asking for the key')
  await page.getByRole('button', { name: 'Acknowledge', exact: true }).click()
  await page.getByRole('button', { name: 'Change the note' }).waitFor()
  const [alert] = (await stack.call('GET', '/alerts?open=true')).alerts
  expect(alert).toMatchObject({ acknowledgeNote: 'asking for the key', resolvedAt: null })
  await expectAccessible(page)
  await eventually('the contact is mailed', () =>
    mail.mails.some(({ to }) => to.includes('data@example.com')),
  )

  // The new secret, where the authorization says that it is refused.
  await page.goto(`${stack.hub.url}/authorizations`)
  await page.getByRole('link', { name: 'Treasure Data' }).click()
  await page.getByText('The vendor refuses these credentials').waitFor()
  await page.getByRole('link', { name: 'to-td' }).waitFor()
  await secretField(page, /^Write key/).fill(String(credentials?.writeKey))
  await page.getByRole('button', { name: 'Replace the secret' }).click()
  await page.getByText('The new secret is in use').waitFor()
  await eventually('the current runs and has delivered', async () => {
    const { state } = await stack.call('GET', '/currents/to-td')
    return state === 'running' && stack.sandbox.treasureData.arrivals.missing(['e1']).length === 0
  })
  await page.getByText('accepted', { exact: false }).first().waitFor()
  await eventually(
    'the contact hears of the end',
    () => mail.mails.filter(({ to }) => to.includes('data@example.com')).length === 2,
  )
  await page.goto(`${stack.hub.url}/alerts?history=true`)
  await page.getByText('Over', { exact: true }).waitFor()
}, 90_000)

test('a double is made to fail and healed; what it was asked and what it keeps can be looked through', async () => {
  const { id } = await stack.call('POST', '/authorizations', {
    label: 'Receiver',
    provider: 'http',
    credentials: {},
  })
  const { kind, settings } = httpSink(stack.sandbox)
  await stack.call('POST', '/currents', {
    name: 'hook',
    contactEmail: 'data@example.com',
    sources: ['braze'],
    delivery: { waitMs: 0 },
    destination: { kind, settings, authorization: id },
  })
  await stack.call('POST', '/currents/hook/launch')
  const { http } = stack.sandbox

  const page = await visit(stack, '/sandbox')
  await page.getByRole('link', { name: 'HTTP receiver' }).click()
  await page.getByRole('button', { name: 'Away' }).click()
  await page.getByText('answers 503, accepts nothing').waitFor()
  expect(http.faults.state()).toMatchObject([{ kind: 'status', status: 503 }])
  await post('e2')
  await eventually('it is refused', () => (http.tally.answers['503'] ?? 0) > 0)
  await page.getByRole('link', { name: /^Requests \d/ }).click()
  await page.getByRole('table').getByText('503').first().waitFor()
  await page.getByRole('link', { name: '← HTTP receiver' }).click()
  await page.getByRole('button', { name: 'Heal' }).click()
  await page.getByText('It answers as the vendor does').waitFor()
  await eventually('it arrives', () => http.arrivals.missing(['e2']).length === 0)
  await page.getByRole('link', { name: 'Requests that were accepted' }).click()
  await page.getByRole('table').getByText('e2').first().waitFor()
  await page.getByRole('table').getByRole('button').first().click()
  await page.getByRole('region', { name: 'The chosen one, whole' }).getByText('e2').waitFor()
  await expectAccessible(page)
}, 60_000)

test('a backup is made and removed', async () => {
  const page = await visit(stack, '/system')
  await page.getByText('Room left').waitFor()
  await page.getByRole('link', { name: 'Backups' }).click()
  await page.getByRole('button', { name: 'Make a backup' }).click()
  await page.getByRole('textbox', { name: 'Note' }).fill('before the upgrade')
  await page.getByRole('button', { name: 'Begin' }).click()
  await page.getByText('before the upgrade').waitFor()
  const [backup] = (await stack.call('GET', '/system/backups')).backups
  expect(existsSync(backup.folder)).toBe(true)
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('button', { name: `Remove ${backup.id}` }).click()
  await page.getByText('No backups yet').waitFor()
  expect(existsSync(backup.folder)).toBe(false)
}, 60_000)
