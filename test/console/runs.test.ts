/** Activations, their runs, and exports, worked in the browser; what came of it is asked at the API and at the Braze double. */

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { ATTRIBUTE, elementsOf } from '../support/exports.ts'
import { type ConsoleStack, startConsole } from './browser.ts'
import { visit } from './visit.ts'

const PEOPLE = ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gus', 'hal']
const LYTICS_TOKEN = 'lytics-token'
const TIMEOUT = { timeout: 60_000 }

let stack: ConsoleStack
let cohorts = ''

beforeAll(async () => {
  stack = await startConsole()
  const { call, sandbox } = stack
  for (const externalId of PEOPLE) sandbox.braze.vendor.profiles.load({ externalId }, 0)
  const { id } = await call('POST', '/authorizations', {
    label: 'Braze cohorts',
    provider: 'braze-cohort',
    credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
  })
  cohorts = id
}, 120_000)
afterAll(() => stack.close())

const sqlOf = (people: readonly string[]): string =>
  `select user_ids, score from (values ${people.map((id, i) => `('${id}', ${i})`).join(', ')}) as t(user_ids, score)`

function definitionOf(name: string, people: readonly string[]) {
  return {
    name,
    contactEmail: 'contact@example.com',
    query: { sql: sqlOf(people) },
    operation: 'mirror',
    destination: {
      kind: 'braze-cohort',
      settings: {
        instance: 'custom',
        host: stack.sandbox.addresses.braze,
        partner: DEMO.brazePartner,
        cohortId: name,
      },
      authorization: cohorts,
    },
  }
}

const pathOf = (name: string, run: number): string => `/activations/${name}/runs/${run}`

/** Who is in the cohort at the double, by external id. */
function membersOf(cohortId: string): string[] {
  const { cohorts: kept, profiles } = stack.sandbox.braze.vendor
  const members = kept.get(DEMO.brazePartner, cohortId)?.members
  return PEOPLE.filter((externalId) => {
    const profile = profiles.byExternalId(externalId)
    return profile !== undefined && members?.has(profile) === true
  })
}

async function confirm(page: Page, button: string, deed: string): Promise<void> {
  await page.getByRole('main').getByRole('button', { name: button, exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: deed, exact: true }).click()
}

/** The state beside the title. */
const badge = (page: Page, state: string) => page.locator('main header').getByText(state, { exact: true })

test('an activation is made in the form, after a sample that says which columns count', TIMEOUT, async () => {
  const page = await visit(stack, '/activations/new', { refusals: ['/activations'] })
  await page.getByLabel('Name', { exact: false }).first().fill('made-here')
  await page.getByLabel('Contact').fill('contact@example.com')
  await page.getByRole('textbox', { name: 'Query' }).fill(sqlOf(['ann', 'bob']))
  await page.getByRole('button', { name: 'Show a sample' }).click()
  const sample = page.getByRole('region', { name: 'Sample', exact: true })
  await sample.getByText('2 of these 2 rows name somebody').waitFor()
  await sample.getByText('External id').waitFor()
  await sample.getByText('Column score is ignored.').waitFor()
  await sample.getByRole('button', { name: 'Use score as alias' }).waitFor()

  await page.getByLabel('Authorization').selectOption({ label: 'Braze cohorts' })
  await page.getByRole('radio', { name: 'By a cron expression, in a time zone' }).check()
  await page.getByRole('textbox', { name: 'Cron expression' }).fill('30 4 * * 1')
  await page.getByRole('combobox', { name: 'Time zone' }).fill('Europe/Berlin')
  await page
    .getByText(/^Monday, .* at 04:30$/)
    .nth(4)
    .waitFor()

  // The API says what is missing, beside the field.
  await page.getByRole('button', { name: 'Create activation' }).click()
  await page
    .getByRole('alert')
    .getByText('INPUT_INVALID')
    .or(page.getByText('ACTIVATION_INVALID'))
    .or(page.getByText('CURRENT_INVALID'))
    .first()
    .waitFor()
  await page.getByLabel('Instance').selectOption('custom')
  await page.getByLabel('Host').fill(stack.sandbox.addresses.braze)
  await page.getByLabel('Cohort id').fill('made-here')
  await page.getByLabel('Cohort name').fill('Made here')
  await page.getByRole('button', { name: 'Create activation' }).click()
  await page.getByRole('heading', { name: 'made-here', level: 1 }).waitFor()

  const made = await stack.call('GET', '/activations/made-here')
  expect(made).toMatchObject({
    state: 'active',
    lastRun: null,
    members: null,
    nextRunAt: expect.any(Number),
    definition: {
      query: { sql: sqlOf(['ann', 'bob']) },
      operation: 'mirror',
      cohortName: 'Made here',
      schedule: { when: 'cron', cron: '30 4 * * 1', timeZone: 'Europe/Berlin' },
      brake: { removedShareMax: 0.1 },
    },
  })
})

test('dry run, run, a run that the brake holds, its release, and the cohort at Braze', TIMEOUT, async () => {
  const { call } = stack
  await call('POST', '/activations', definitionOf('vip', PEOPLE))
  const page = await visit(stack, '/activations/vip')
  await page.getByRole('button', { name: 'Dry run' }).click()
  await page.getByText('A dry run: nothing was sent').waitFor()
  await page.getByRole('row', { name: /ann/ }).waitFor()
  await page.getByLabel('Search by identifier').fill('AN')
  await page.getByRole('row', { name: /bob/ }).waitFor({ state: 'detached' })
  await page.getByRole('row', { name: /dan/ }).waitFor()
  expect(membersOf('vip')).toEqual([])

  await confirm(page, 'Run now', 'Run')
  await page.getByRole('heading', { name: 'vip · run 2' }).waitFor()
  await badge(page, 'Succeeded').waitFor()
  expect(membersOf('vip')).toEqual(PEOPLE)

  await call('PUT', '/activations/vip', { definition: definitionOf('vip', ['ann', 'bob']), note: 'fewer' })
  await confirm(page, 'Run now', 'Run')
  await page.getByRole('heading', { name: 'vip · run 3' }).waitFor()
  const brake = page.getByRole('alert').filter({ hasText: 'Held by the brake' })
  await brake
    .getByText(/6 of 8 members/)
    .first()
    .waitFor()
  await brake.getByText('hal', { exact: true }).waitFor()
  await page.getByRole('row', { name: /hal/ }).waitFor()
  expect(membersOf('vip')).toEqual(PEOPLE)

  await confirm(page, 'Release', 'Remove 6 and add 0')
  await badge(page, 'Succeeded').waitFor()
  expect(membersOf('vip')).toEqual(['ann', 'bob'])
  const run = await call('GET', pathOf('vip', 3))
  expect(run).toMatchObject({ state: 'succeeded', report: { removed: 6, accepted: 6, membersAfter: 2 } })
  await page.getByRole('link', { name: 'Log' }).click()
  await page.getByText(/^Released by test|^Released by /).waitFor()

  // What the cohort was, and why somebody is out of it.
  await page.goto(`${stack.hub.url}/activations/vip/why?value=hal`)
  await page.getByText(/run 3 took them out/).waitFor()
  await page.getByText('The query does not name them now.').waitFor()
  await page.goto(`${stack.hub.url}/activations/vip/members?at=${run.createdAt}`)
  await page.getByText(/^8 members at/).waitFor()
})

test('a run that is refused in part leads to the vendor’s answer, and is retried', TIMEOUT, async () => {
  const { call, sandbox } = stack
  await call('POST', '/activations', definitionOf('loyal', ['ann', 'bob', 'cyd']))
  sandbox.braze.faults.set([{ kind: 'refuse', ids: ['bob'], error: 'no such reader', path: '/partners/' }])
  const page = await visit(stack, '/activations/loyal')
  await confirm(page, 'Run now', 'Run')
  await badge(page, 'Partial').waitFor()
  await page.getByRole('row', { name: /bob.*400/ }).waitFor()
  await page.getByRole('button', { name: 'Request and answer for bob' }).click()
  const drawer = page.getByRole('dialog', { name: 'Request and answer' })
  await drawer
    .getByRole('region', { name: 'What the vendor answered' })
    .getByText(/no such reader/)
    .waitFor()
  await drawer.getByRole('region', { name: 'What was sent' }).getByText(/bob/).waitFor()
  await page.keyboard.press('Escape')
  await drawer.waitFor({ state: 'hidden' })
  await page.getByRole('link', { name: 'Requests', exact: true }).click()
  await page.getByRole('row', { name: /HTTP 400/ }).waitFor()
  // The name of the cohort went before them: it is a request, and none of the changes.
  await page.getByRole('row', { name: /HTTP 201 the name – –/ }).waitFor()
  const chart = page.getByRole('figure', { name: /^Changes settled over time/ })
  expect(await chart.getAttribute('aria-label')).toMatch(/Accepted: 2, Rejected: 1,/)
  await page.getByRole('link', { name: 'Accepted 2' }).waitFor()

  sandbox.braze.faults.clear()
  await confirm(page, 'Retry failed', 'Send them again')
  await page.getByRole('heading', { name: 'loyal · run 2' }).waitFor()
  await badge(page, 'Succeeded').waitFor()
  expect(membersOf('loyal')).toEqual(['ann', 'bob', 'cyd'])

  await page.goto(`${stack.hub.url}/runs?state=partial`)
  await page.getByRole('link', { name: 'loyal · run 1' }).waitFor()
  expect(await page.getByRole('row').count()).toBe(2)
})

test('a run is cancelled while it is under way, and while it is held', TIMEOUT, async () => {
  const { call, sandbox } = stack
  await call('POST', '/activations', definitionOf('brief', ['ann', 'bob']))
  sandbox.braze.faults.set([{ kind: 'status', status: 503, path: '/partners/' }])
  const page = await visit(stack, '/activations/brief')
  await confirm(page, 'Run now', 'Run')
  await page.getByRole('heading', { name: 'brief · run 1' }).waitFor()
  await badge(page, 'Running').waitFor()
  await confirm(page, 'Cancel run', 'Cancel it')
  sandbox.braze.faults.clear()
  await badge(page, 'Cancelled').waitFor()
  expect(await call('GET', pathOf('brief', 1))).toMatchObject({
    state: 'cancelled',
    report: {
      log: expect.arrayContaining([
        expect.objectContaining({ text: expect.stringMatching(/^Cancelled by /) }),
      ]),
    },
  })

  await call('POST', `/activations/brief/runs`, {})
  await eventually('the run has ended', async () => (await call('GET', pathOf('brief', 2))).finishedAt)
  await call('PUT', '/activations/brief', {
    definition: { ...definitionOf('brief', ['ann']), query: { sql: "select 'x' as user_ids where false" } },
    note: '',
  })
  await call('POST', `/activations/brief/runs`, {})
  await page.goto(`${stack.hub.url}${pathOf('brief', 3)}`)
  // Until then the button is that of a run under way, and goes with it.
  await badge(page, 'Held').waitFor()
  await confirm(page, 'Cancel run', 'Cancel it')
  await badge(page, 'Cancelled').waitFor()
  expect(membersOf('brief')).toEqual(['ann', 'bob'])
})

test('an export is made, started, and its attribute stands at Braze', TIMEOUT, async () => {
  const { call, hub, sandbox } = stack
  await hub.sources.create({
    name: 'lytics',
    kind: 'lytics',
    settings: { account: '1' },
    token: LYTICS_TOKEN,
  })
  await call('POST', '/audiences', { slug: 'romans', name: 'Romans', filter: 'FILTER city = "Rome"' })
  await call('POST', '/authorizations', {
    label: 'Braze attributes',
    provider: 'braze-audiences',
    credentials: { restKey: DEMO.brazeRestKey },
  })
  const answer = await fetch(`${hub.url}/collect/json/braze_users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: LYTICS_TOKEN },
    body: JSON.stringify([
      { external_id: 'ann', city: 'Rome' },
      { external_id: 'bob', city: 'Paris' },
    ]),
  })
  expect(answer.status).toBe(200)
  await eventually('somebody is a Roman', async () => (await call('GET', '/audiences/romans')).size === 1)

  const page = await visit(stack, '/exports/new')
  await page.getByLabel('Name', { exact: false }).first().fill('to-braze')
  await page.getByLabel('Contact').fill('contact@example.com')
  await page.getByLabel('Audiences').and(page.locator('input')).first().click()
  await page.getByRole('option', { name: 'Romans (1)' }).click()
  await page.getByLabel('Authorization').selectOption({ label: 'Braze attributes' })
  await page.getByLabel('Instance').selectOption('custom')
  await page.getByLabel('Host').fill(sandbox.addresses.braze)
  await page.getByLabel('A change waits for company at most').fill('0')
  await page.getByRole('button', { name: 'Preview', exact: true }).click()
  await page.getByText('1 with an identifier').waitFor()
  await page.getByRole('button', { name: 'Create draft' }).click()
  await page.getByRole('heading', { name: 'to-braze', level: 1 }).waitFor()
  const held = () => elementsOf(sandbox.braze.vendor.profiles.byExternalId('ann')?.custom?.get(ATTRIBUTE))
  expect(held()).toEqual([])

  await page.getByRole('button', { name: 'Start', exact: true }).click()
  await page.getByRole('dialog').getByText('1 requests, 1 data points').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Start it' }).click()
  await eventually('Braze holds the slug', () => held().includes('romans'))
  await page.getByRole('link', { name: 'People' }).click()
  await page.getByRole('row', { name: /ann.*Settled.*romans.*romans/ }).waitFor()
  expect((await call('GET', '/exports/to-braze')).status).toMatchObject({ settled: 1, holding: 1 })

  await page.getByRole('link', { name: 'Reconcile' }).click()
  await page.getByRole('button', { name: 'Compare with the vendor' }).click()
  await page.getByText('Finished', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await badge(page, 'Paused').waitFor()
  expect((await call('GET', '/exports/to-braze')).state).toBe('paused')
})
