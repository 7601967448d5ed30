/** Work on the warehouse in a real browser: asking, exporting, saving, what goes wrong. */

import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type ConsoleStack, startConsole } from './browser.ts'
import { visit } from './visit.ts'

let stack: ConsoleStack
beforeAll(async () => {
  stack = await startConsole({ demo: { eventsPerSecond: 20 } })
}, 120_000)
afterAll(() => stack.close())

const editor = (page: Page) => page.getByRole('textbox', { name: 'SQL' })

async function write(page: Page, sql: string): Promise<void> {
  await editor(page).click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.insertText(sql)
}

async function exported(page: Page, format: string): Promise<Buffer> {
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: format, exact: true }).click(),
  ])
  return readFile(await download.path())
}

test('what is asked is shown with its types, and exported whole', async () => {
  const page = await visit(stack, '/warehouse')
  const sql = `select i as number, case when i = 0 then null else 'n' || i end as name, '{"a":[' || i || ']}' as json from range(1500) t(i)`
  await write(page, sql)
  await page.keyboard.press('ControlOrMeta+Enter')
  const result = page.getByRole('region', { name: 'result' })
  await page.getByText('The first 1,000 rows: there are more').waitFor()
  await result.getByText('BIGINT').waitFor()
  await result.getByText('NULL', { exact: true }).waitFor()
  expect(await result.getByRole('row').count()).toBeLessThan(100)

  await result.getByRole('button', { name: '{"a":[7]}', exact: true }).click()
  await page.getByRole('dialog').getByText('"a"').waitFor()
  await page.keyboard.press('Escape')

  const { rows } = await stack.call('POST', '/sql', { sql, rowsMax: 2_000 })
  const lines = (await exported(page, 'NDJSON')).toString().trimEnd().split('\n')
  expect(lines.map((line) => Object.values(JSON.parse(line)))).toEqual(rows)
  const csv = (await exported(page, 'CSV')).toString().split('\n')
  expect(csv.slice(0, 3)).toEqual(['number,name,json', '0,,"{""a"":[0]}"', '1,n1,"{""a"":[1]}"'])
  expect((await exported(page, 'Parquet')).subarray(0, 4).toString()).toBe('PAR1')
})

test('a mistake is marked where the engine found it, and told in words', async () => {
  const page = await visit(stack, '/warehouse', { refusals: ['/api/v1/sql'] })
  await write(page, 'select yes,\n  nope\nfrom (select 1 as yes) t')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('Line 2, column 3').first().waitFor()
  await page.getByRole('alert').getByText('nope').waitFor()
  expect(await page.locator('.cm-lintRange-error').allTextContents()).toEqual(['nope'])
  // The mark goes as soon as the text is another one.
  await write(page, 'select 1 as fine')
  await page.keyboard.press('ControlOrMeta+Enter')
  await page.getByText('1 row, all of them').waitFor()
  expect(await page.locator('.cm-lintRange-error').count()).toBe(0)
})

test('a query that runs long is cancelled, on its engine too, while another one is asked', async () => {
  const page = await visit(stack, '/warehouse')
  await write(
    page,
    'select count(*) from range(1000000) a, range(1000000) b where (a.range * b.range) % 7 = 3',
  )
  await page.keyboard.press('ControlOrMeta+Enter')
  await page.getByText('Running for').waitFor()
  await page.getByRole('button', { name: 'New query' }).click()
  await write(page, 'select 42 as answer')
  await page.keyboard.press('ControlOrMeta+Enter')
  await page.getByRole('cell', { name: '42' }).waitFor()
  await page.getByRole('button', { name: /^Query 1/ }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('The query was ended on its server, too').waitFor()
  const { queries } = await stack.call('GET', '/sql/running')
  expect(queries.find(({ sql }: { sql: string }) => sql.includes('1000000')).state).toBe('cancelled')
})

test('a query is saved, gets versions, and is opened again by its link', async () => {
  const page = await visit(stack, '/warehouse')
  await write(page, 'select 1 as one')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('first-steps')
  await page.getByRole('button', { name: 'Save query' }).click()
  await page.getByRole('button', { name: 'first-steps', exact: true }).waitFor()
  await write(page, 'select 1 as one, 2 as two')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByRole('button', { name: 'Save version' }).click()
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  const { versions } = await stack.call('GET', '/queries/first-steps/versions')
  expect(versions.map(({ sql }: { sql: string }) => sql)).toEqual([
    'select 1 as one, 2 as two',
    'select 1 as one',
  ])
  // The sheets of a session outlive the page.
  await page.reload()
  await editor(page).getByText('select 1 as one, 2 as two').waitFor()

  const other = await visit(stack, '/warehouse?saved=first-steps')
  await editor(other).getByText('select 1 as one, 2 as two').waitFor()
  await other.getByRole('button', { name: 'Run', exact: true }).click()
  await other.getByText('1 row, all of them').waitFor()

  await other.getByRole('link', { name: 'Saved queries' }).click()
  await other.getByRole('link', { name: 'first-steps' }).click()
  await other.getByRole('button', { name: 'Delete query' }).click()
  await other.getByRole('dialog').getByRole('button', { name: 'Delete query' }).click()
  await other.getByText('Nothing is saved yet').waitFor()
  expect((await stack.call('GET', '/queries')).queries).toEqual([])
})

test('tables and columns are put into the query by a click', async () => {
  await eventually('the warehouse has a table of events', async () => {
    const { tables } = await stack.call('GET', '/engines/warehouse/tables')
    return tables.some(({ table }: { table: string }) => table === 'events')
  })
  const page = await visit(stack, '/warehouse')
  const tree = page.getByRole('region', { name: 'Tables' })
  await tree.getByLabel('Find a table or column').fill('event_type')
  await write(page, 'select ')
  await tree.getByRole('button', { name: 'Open events' }).click()
  await tree.getByRole('button', { name: 'event_type', exact: true }).click()
  await page.keyboard.insertText(', count(*) from ')
  await tree.getByRole('button', { name: 'events', exact: true }).click()
  await page.keyboard.insertText(' group by 1')
  await editor(page).getByText('select event_type, count(*) from events group by 1').waitFor()
  await page.keyboard.press('ControlOrMeta+Enter')
  await page
    .getByRole('region', { name: 'result' })
    .getByText(/^users\./)
    .first()
    .waitFor()
})

test('a segment is put together over a table, counted by its engine, kept and revised', {
  timeout: 60_000,
}, async () => {
  await eventually('the warehouse has a table of events', async () => {
    const { tables } = await stack.call('GET', '/engines/warehouse/tables')
    return tables.some(({ table }: { table: string }) => table === 'events')
  })
  const page = await visit(stack, '/segments/-new')
  await page.getByRole('textbox', { name: 'Name' }).fill('openers')
  await page.getByRole('combobox', { name: 'Table of people' }).selectOption('braze.events')
  await page.getByRole('combobox', { name: 'Column that names the person' }).selectOption('external_user_id')
  const builder = page.getByRole('region', { name: 'Rule builder' })
  await builder.getByRole('button', { name: 'Condition', exact: true }).click()
  await builder.getByRole('combobox', { name: 'What' }).fill('event_type')
  await page
    .getByRole('listbox', { name: 'What' })
    .getByRole('option', { name: 'event_type', exact: true })
    .click()
  await builder.getByRole('textbox', { name: 'Value' }).fill('users.messages.email.Send')
  const rule = { all: [{ column: 'event_type', test: 'is', value: 'users.messages.email.Send' }] }
  await page
    .getByRole('region', { name: 'people whom the segment means' })
    .getByText('users.messages.email.Send')
    .first()
    .waitFor()
  await page.getByRole('button', { name: 'Save segment' }).click()
  await page.getByRole('heading', { name: 'openers', level: 1 }).waitFor()
  expect((await stack.call('GET', '/segments/openers')).definition.rule).toEqual(rule)

  await page.getByRole('link', { name: 'Edit' }).click()
  await builder.getByRole('combobox', { name: 'Test' }).selectOption('is_not')
  await page.getByRole('textbox', { name: 'Note to this version' }).fill('the others')
  const saving = Promise.withResolvers<void>()
  await page.route('**/api/v1/segments/openers', async (route) => {
    if (route.request().method() === 'PUT') await saving.promise
    await route.continue()
  })
  await page.getByRole('button', { name: 'Save as a new version' }).click()
  await page.getByRole('link', { name: 'Versions' }).click()
  await page.getByRole('region', { name: 'Version 1', exact: true }).waitFor()
  saving.resolve()
  await page.getByRole('region', { name: 'Version 2', exact: true }).getByText('the others').waitFor()
  // Whoever went on while it was saved is not called back.
  expect(new URL(page.url()).pathname).toBe('/segments/openers/versions')
  expect((await stack.call('GET', '/segments/openers')).version).toBe(2)
})

test('an engine is checked, connected with an authorization of its kind, and disconnected', async () => {
  const { id } = await stack.call('POST', '/authorizations', {
    ...{ label: 'company, read only', provider: 'postgres' },
    credentials: { user: 'reader', password: 'secret' },
  })
  const page = await visit(stack, '/warehouse/engines')
  await page.getByRole('button', { name: 'Check', exact: true }).click()
  await page.getByText('The engine answers queries').waitFor()
  await page.getByRole('button', { name: 'Add engine' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('combobox', { name: 'Kind' }).selectOption('postgres')
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('company')
  await dialog.getByRole('combobox', { name: 'Authorization' }).selectOption(id)
  await dialog.getByRole('textbox', { name: 'Host' }).fill('127.0.0.1')
  await dialog.getByRole('textbox', { name: 'Database' }).fill('shop')
  await dialog.getByRole('button', { name: 'Add engine' }).click()
  const engine = page.getByRole('region', { name: 'company' })
  await engine.waitFor()
  expect(await stack.call('GET', '/engines/company')).toMatchObject({
    ...{ kind: 'postgres', authorization: id },
    settings: { host: '127.0.0.1', database: 'shop' },
  })
  await engine.getByRole('button', { name: 'Disconnect' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
  await engine.waitFor({ state: 'detached' })
})
