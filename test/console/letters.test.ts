/** Journeys through what comes in and what comes back: dead letters, events, sources, drift. */

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { event } from '../support/stack.ts'
import { type ConsoleStack, PHONE, startConsole } from './browser.ts'
import { expectAccessible, expectFits, visit } from './visit.ts'

const TIMEOUT = { timeout: 60_000 }
/** Treasure Data refuses an event whose verdict is this. */
const REFUSED = 'refuse'

let stack: ConsoleStack
beforeAll(async () => {
  stack = await startConsole()
  stack.sandbox.treasureData.faults.set([{ kind: 'refuse', property: 'properties.verdict', equals: REFUSED }])
}, 120_000)
afterAll(() => stack.close())

/** A source and a launched current of one test, so that no test sees what another one sends. */
async function flow(name: string): Promise<{ send: (events: readonly object[]) => Promise<void> }> {
  const { call, sandbox } = stack
  const { token } = await call('POST', '/sources', { name, kind: 'braze-currents', settings: {} })
  const { id } = await call('POST', '/authorizations', {
    label: name,
    provider: 'treasure-data',
    credentials: { writeKey: DEMO.treasureDataKey },
  })
  await call('POST', '/currents', {
    name,
    contactEmail: 'data-team@example.com',
    sources: [name],
    delivery: { waitMs: 0 },
    destination: {
      kind: 'treasure-data',
      settings: {
        form: 'records',
        host: sandbox.addresses.treasureData,
        database: DEMO.database,
        table: DEMO.table,
      },
      authorization: id,
    },
  })
  await call('POST', `/currents/${name}/launch`, { from: 'now' })
  return { send: (events) => post(`${stack.hub.url}/currents/${name}`, token, events) }
}

async function post(url: string, token: string, events: readonly object[]): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events }),
  })
  expect(answer.status).toBe(200)
}

function bad(id: string): object {
  return event(id, { properties: { verdict: REFUSED, amount: 12.5 } })
}

async function lettersOf(current: string, count: number) {
  return eventually(`there are ${count} dead letters of ${current}`, async () => {
    const { deadLetters } = await stack.call('GET', `/dead-letters?current=${current}`)
    return deadLetters.length === count ? deadLetters : undefined
  })
}

/** The button that was pressed is gone: the keyboard goes on where it stood. */
async function expectFocusAt(page: Page, label: string): Promise<void> {
  await eventually(`the focus is at ${label}`, async () => {
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(label)
    return true
  })
}

/** Without scrolling the table sideways. */
async function expectInSight(page: Page, column: string): Promise<void> {
  const box = await page.getByRole('columnheader', { name: column }).boundingBox()
  const frame = await page.getByRole('region', { name: 'Dead letters', exact: true }).boundingBox()
  expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThan((frame?.x ?? 0) + (frame?.width ?? 0))
}

/** No button, link or field lies under a notice, be they many. */
async function expectNothingCovered(page: Page): Promise<void> {
  const covered = await page.evaluate(() => {
    const notices = [...document.querySelectorAll('.mantine-Notification-root')]
    const boxes = notices.map((notice) => notice.getBoundingClientRect())
    return [...document.querySelectorAll<HTMLElement>('a, button, input, select, h1')]
      .filter((one) => one.checkVisibility() && !notices.some((notice) => notice.contains(one)))
      .filter((one) => {
        const { left, right, top, bottom } = one.getBoundingClientRect()
        return boxes.some(
          (box) => left < box.right && right > box.left && top < box.bottom && bottom > box.top,
        )
      })
      .map(({ outerHTML }) => outerHTML)
  })
  expect(covered).toEqual([])
}

/** Changes a text in the editor of the letter, and saves it. */
async function edit(page: Page, from: string, to: string): Promise<void> {
  const editor = page.getByRole('textbox', { name: 'Event (JSON)' })
  await editor.waitFor()
  const text = (await editor.locator('.cm-line').allInnerTexts()).join('\n')
  expect(text).toContain(from)
  await editor.fill(text.replace(from, to))
  await page.getByRole('button', { name: 'Save the change' }).click()
  await page.getByText('Edited', { exact: true }).waitFor()
}

test('redrive edited dead letters: the ledger closes, and the double has them', TIMEOUT, async () => {
  const { send } = await flow('mend')
  const ids = ['mend-1', 'mend-2', 'mend-3', 'mend-4', 'mend-5']
  await send([event('mend-0'), ...ids.map(bad)])
  await lettersOf('mend', 5)

  const page = await visit(stack, '/dead-letters?current=mend')
  await page.getByRole('button', { name: /^Invalid 5$/ }).waitFor()
  for (const id of ids) {
    await page.getByRole('link', { name: id }).click()
    await page.getByRole('heading', { name: 'The vendor refused this record' }).waitFor()
    await page
      .getByRole('region', { name: 'What the vendor answered' })
      .getByText('InvalidPropertyValueError')
      .waitFor()
    await edit(page, `"verdict": "${REFUSED}"`, '"verdict": "take"')
    await page.getByText('+     "verdict": "take"').waitFor()
    await page.goBack()
  }
  await expectInSight(page, 'What went wrong')
  await page.getByRole('button', { name: 'Choose all 5 that match' }).click()
  await expectFocusAt(page, 'Letters that match')
  await page.getByRole('button', { name: 'Redrive', exact: true }).click()
  const dialog = page.getByRole('dialog', { name: 'Redrive' })
  await dialog.getByText('5 of 5 were edited.').waitFor()
  await dialog.getByText('mend: 5').waitFor()
  await dialog.getByLabel('Note').fill('the verdict was wrong')
  await dialog.getByRole('button', { name: 'Redrive now' }).click()
  await page.getByText('5 letters are on the way again.').waitFor()
  await expectNothingCovered(page)
  await page.getByText('No letter matches').waitFor()
  await expectFocusAt(page, 'Letters that match')

  await eventually('all are delivered', async () => {
    const { counts } = await stack.call('GET', '/currents/mend/dead-letters')
    return counts.delivered === 5
  })
  const { totals } = await stack.call('GET', '/currents/mend/ledger')
  const delivered = totals.filter(({ outcome }: { outcome: string }) => outcome === 'delivered')
  expect(delivered).toEqual([expect.objectContaining({ count: 6 })])
  expect((await stack.call('GET', '/ledger/check?current=mend')).balanced).toBe(true)
  const kept = stack.sandbox.treasureData.vendor.rows().map(({ bytes }) => bytes.toString())
  const isKept = (id: string): boolean =>
    kept.some((row) => row.includes(`"${id}"`) && /"verdict": ?"take"/.test(row))
  expect(ids.filter((id) => !isKept(id))).toEqual([])
})

test('one letter: what is no event is not saved, and a change is taken back', TIMEOUT, async () => {
  const { send } = await flow('look')
  await send([bad('look-1')])
  const [letter] = await lettersOf('look', 1)
  const page = await visit(stack, `/dead-letters/${letter.id}`)
  const editor = page.getByRole('textbox', { name: 'Event (JSON)' })
  await editor.waitFor()
  await expectAccessible(page)
  await editor.fill('{"id": ')
  await page.getByText(/This is not JSON yet, line 1/).waitFor()
  expect(await page.getByRole('button', { name: 'Save the change' }).isDisabled()).toBe(true)
  await page.getByRole('button', { name: 'Undo what is not saved' }).click()
  await edit(page, '12.5', '12.50')
  const saved = await stack.call('GET', `/dead-letters/${letter.id}`)
  expect(saved.editedEvent, 'digits stay as they were written').toContain('12.50')
  await page.getByRole('button', { name: 'Back to the event as it came' }).click()
  await page.getByText('The change is taken back.').waitFor()
  expect((await stack.call('GET', `/dead-letters/${letter.id}`)).editedEvent).toBeNull()
  await page.setViewportSize(PHONE)
  await expectFits(page)
})

test('discard some letters with a note', TIMEOUT, async () => {
  const { send } = await flow('drop')
  await send([bad('drop-1'), bad('drop-2'), bad('drop-3')])
  const letters = await lettersOf('drop', 3)
  const page = await visit(stack, '/dead-letters?current=drop')
  for (const { id } of letters.slice(0, 2)) await page.getByRole('checkbox', { name: `Choose ${id}` }).check()
  await page.getByText('2 chosen').waitFor()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Discard', exact: true }).click()
  const dialog = page.getByRole('dialog', { name: 'Discard' })
  await dialog.getByText('would be set aside for good').waitFor()
  await dialog.getByRole('button', { name: 'Discard now' }).click()
  await dialog
    .getByRole('alert')
    .getByText(/Say why they are discarded/)
    .waitFor()
  await dialog.getByLabel('Why they are discarded').fill('test data')
  await dialog.getByRole('button', { name: 'Discard now' }).click()
  await page.getByText('2 letters are discarded.').waitFor()
  await page.getByText('1 letter', { exact: true }).waitFor()
  // The list of currents counts what the list of letters has.
  const currents = await visit(stack, '/currents?search=drop')
  await currents.getByRole('link', { name: 'Dead letters 1 refused, waiting for you' }).waitFor()
  await currents.getByRole('row', { name: /^drop/ }).getByRole('link', { name: '1', exact: true }).waitFor()
  for (const { id } of letters.slice(0, 2))
    expect(await stack.call('GET', `/dead-letters/${id}`)).toMatchObject({
      state: 'discarded',
      note: 'test data',
    })
  await page.getByLabel('State').selectOption('discarded')
  await page.getByRole('link', { name: letters[0].eventId }).waitFor()
  expect(page.url(), 'filters lie in the address').toContain('state=discarded')
})

test('find an event by its id and read its lineage', TIMEOUT, async () => {
  const { send } = await flow('trace')
  await send([event('trace-good'), bad('trace-bad')])
  await lettersOf('trace', 1)
  const page = await visit(stack, '/events?source=trace')
  await page.getByRole('link', { name: 'trace-good' }).waitFor()
  await page.getByLabel('Find an event by its id').fill('trace-bad')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'trace-bad', level: 1 }).waitFor()
  await page.getByText(/One of 2 records/).waitFor()
  await page.getByRole('region', { name: 'The event as it was received' }).getByText(REFUSED).waitFor()
  for (const step of ['Selection', 'Mapping', 'Batch', 'Attempt 1', 'Outcome: dead letter'])
    await page.getByRole('heading', { name: step, exact: true }).waitFor()
  await page.getByRole('region', { name: 'After mapping' }).getByText('"trace-bad"').waitFor()
  await expectAccessible(page)
  await page.setViewportSize(PHONE)
  await expectFits(page)
  await page.getByRole('link', { name: 'Open the dead letter' }).click()
  await page.getByRole('link', { name: /all of record/ }).click()
  await page.getByRole('heading', { name: /^Record/, level: 1 }).waitFor()
})

test('an event that never came is said to be none', TIMEOUT, async () => {
  const page = await visit(stack, '/events/nobody', { refusals: ['/events/nobody'] })
  await page.getByText('No kept event has the id nobody').waitFor()
})

test('make a source, and send to it with the token that is shown', TIMEOUT, async () => {
  const page = await visit(stack, '/inbox')
  await page.getByRole('button', { name: 'New source' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('made-here')
  await expectAccessible(page)
  await dialog.getByRole('button', { name: 'Make the source' }).click()
  await dialog.getByText('The token is shown this once').waitFor()
  const shown = async (label: string): Promise<string> =>
    (
      await dialog
        .locator('div', { has: page.locator(`dt:text-is("${label}")`) })
        .last()
        .locator('code')
        .innerText()
    ).trim()
  const [url, token] = [await shown('Endpoint'), await shown('Authentication token')]
  expect(url).toBe(`${stack.hub.url}/currents/made-here`)
  await post(url, token, [event('made-1'), event('made-2'), event('made-2'), 'no event' as unknown as object])
  await dialog.getByRole('button', { name: 'I have it' }).click()
  await page.getByRole('heading', { name: 'made-here', level: 1 }).waitFor()
  await page.getByText('in 1 batches since the start').waitFor()
  expect((await stack.call('GET', '/sources/made-here')).counters).toMatchObject({
    accepted: 2,
    duplicates: 1,
    quarantined: 1,
  })
  await page.getByRole('link', { name: 'Not an object' }).waitFor()

  await page.getByRole('button', { name: 'Add a token' }).click()
  const second = page.getByRole('dialog', { name: 'Add a token' })
  await second.getByLabel('What it is for').fill('change over')
  await second.getByRole('button', { name: 'Add it' }).click()
  await second.getByText('This token is shown this once').waitFor()
  await second.getByRole('button', { name: 'I have it' }).click()
  await page.getByRole('button', { name: 'Revoke first' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke it' }).click()
  await page.getByText('The token first is refused from now on.').waitFor()
  const refused = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: '{}',
  })
  expect(refused.status).toBe(401)
})

test('acknowledge a finding of the drift radar', TIMEOUT, async () => {
  const { send } = await flow('drift')
  await send([event('drift-1', { type: 'users.messages.pigeon.Send' })])
  const page = await visit(stack, '/drift?source=drift')
  await page.getByRole('link', { name: 'users.messages.pigeon.Send' }).first().waitFor()
  const { findings } = await stack.call('GET', '/drift?source=drift&finding=new_type')
  const [{ id }] = findings
  await page.getByRole('checkbox', { name: `Choose ${id}` }).check()
  await page.getByRole('button', { name: 'Acknowledge', exact: true }).click()
  const dialog = page.getByRole('dialog', { name: 'Acknowledge' })
  await dialog.getByLabel('Note').fill('pigeons are new')
  await dialog.getByRole('button', { name: 'Acknowledge', exact: true }).click()
  await page.getByText('1 finding is acknowledged.').waitFor()
  const after = await stack.call('GET', '/drift?source=drift&finding=new_type')
  expect(after.findings[0]).toMatchObject({ note: 'pigeons are new', acknowledgedAt: expect.any(Number) })
  await page.getByRole('switch', { name: 'Also what was acknowledged' }).check()
  await page.getByRole('link', { name: 'users.messages.pigeon.Send' }).first().click()
  await page.getByText('Acknowledged: pigeons are new').waitFor()
})

test('who may only look sees what could be done, and whom to ask', TIMEOUT, async () => {
  const { send } = await flow('view')
  await send([bad('view-1')])
  await lettersOf('view', 1)
  const page = await visit(stack, '/dead-letters?current=view', { as: 'viewer' })
  await page.getByRole('button', { name: 'Choose all 1 that match' }).click()
  const redrive = page.getByRole('button', { name: 'Redrive', exact: true })
  await redrive.waitFor()
  expect(await redrive.isDisabled()).toBe(true)
  expect(await redrive.getAttribute('title')).toBe('Takes the role of an operator: ask one.')
})
