/** What people, vendors and events wrote is shown as text: nothing of it runs, loads or becomes a link, on any page. */

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type ConsoleStack, startConsole } from './browser.ts'
import { PAGES } from './pages.ts'
import { visit } from './visit.ts'

/** Each leaves a mark if it runs; {n} tells which. */
const CORPUS = [
  '<script>window.ran=(window.ran||[]).concat({n})</script>',
  '"><img src=x onerror="window.ran=(window.ran||[]).concat({n})">',
  "'><svg onload=window.ran=(window.ran||[]).concat({n})>",
  '<iframe srcdoc="<script>parent.ran=[{n}]</script>"></iframe>',
  'javascript:window.ran=[{n}]',
  '<a href="javascript:window.ran=[{n}]">water</a>',
  '</textarea></title></style><script>window.ran=[{n}]</script>',
  '{{constructor.constructor("window.ran=[{n}]")()}}',
  '<math><mtext><option><mglyph><style></math><img src onerror=window.ran=[{n}]>',
  '<details open ontoggle=window.ran=[{n}]><style>*{background:url(/stolen)}</style>',
].map((text, n) => text.replaceAll('{n}', String(n)))
/** One text with all of it, for fields that are long enough. */
const EVERYTHING = CORPUS.join(' ')
const PERSON = 'xss-person'

let stack: ConsoleStack
let letter = ''

beforeAll(async () => {
  stack = await startConsole({ demo: { eventsPerSecond: 50, untilHead: 50 } })
  await plant(stack)
}, 120_000)
afterAll(() => stack.close())

/** Puts the corpus wherever a page can show it. */
async function plant({ hub, sandbox, call }: ConsoleStack): Promise<void> {
  const source = await call('POST', '/sources', {
    name: 'hostile',
    kind: 'braze-currents',
    settings: {},
    token: 'hostile-source-token',
  })
  expect(source).toBeDefined()
  for (const [i, text] of CORPUS.entries()) {
    await call('POST', '/tokens', { label: text, role: 'viewer' })
    await call('POST', '/authorizations', {
      label: text,
      description: EVERYTHING,
      provider: 'http',
      credentials: { token: `t${i}` },
    })
  }
  await call('POST', '/queries', {
    name: 'hostile',
    description: EVERYTHING,
    sql: `select '${CORPUS[1]?.replaceAll("'", "''")}' as x`,
  })
  await call('POST', '/audiences', {
    slug: 'hostile',
    name: CORPUS[0],
    description: EVERYTHING,
    filter: `FILTER first_name = "${CORPUS[2]}"`,
  })
  sandbox.http.faults.set([{ kind: 'status', status: 400, body: EVERYTHING, next: 50 }])
  const [{ id: authorization }] = (await call('GET', '/authorizations')).authorizations
  await call('POST', '/currents', {
    name: 'hostile',
    contactEmail: 'contact@example.com',
    sources: ['hostile'],
    selection: { include: ['*'], exclude: [] },
    externalId: 'optional',
    delivery: { waitMs: 0 },
    destination: {
      kind: 'http',
      settings: { url: `${sandbox.addresses.http}/hook`, headers: { 'x-note': CORPUS[1] } },
      authorization,
    },
  })
  await call('POST', '/currents/hostile/launch', { from: 'now' })
  const events = CORPUS.map((text, i) => ({
    id: i === 0 ? text : `hostile-${i}`,
    event_type: i === 1 ? text : 'users.behaviors.CustomEvent',
    time: 1_795_000_000,
    user: { external_user_id: i === 2 ? text : PERSON, user_id: `u${i}` },
    properties: { name: text, [text]: text, custom_properties: { [text]: [text] } },
  }))
  const answer = await fetch(`${hub.url}/currents/hostile`, {
    method: 'POST',
    headers: { authorization: 'Bearer hostile-source-token', 'content-type': 'application/json' },
    body: JSON.stringify({ events }),
  })
  expect(answer.status).toBe(200)
  letter = await eventually(
    'there are dead letters',
    async () => (await call('GET', '/dead-letters?current=hostile')).deadLetters[0]?.id,
  )
}

async function expectNothingRan(page: Page): Promise<void> {
  const found = await page.evaluate(() => ({
    ran: (window as { ran?: unknown }).ran,
    links: [
      ...document.querySelectorAll('[href^="javascript" i], [src^="javascript" i], iframe, object, embed'),
    ].map(({ outerHTML }) => outerHTML),
    strangers: [...document.querySelectorAll('[onerror], [onload], [ontoggle], mglyph')].map(
      ({ outerHTML }) => outerHTML,
    ),
    scripts: [...document.scripts]
      .filter(({ src }) => !src.startsWith(location.origin))
      .map(({ outerHTML }) => outerHTML),
  }))
  expect(found).toEqual({ ran: undefined, links: [], strangers: [], scripts: [] })
}

const ENCODED = encodeURIComponent(CORPUS[0] ?? '')
const OF_THE_HOSTILE: readonly (readonly [string, () => string, string])[] = [
  ['the dead letters of the hostile', () => '/dead-letters?current=hostile', 'hostile'],
  ['a dead letter', () => `/dead-letters/${letter}`, 'onerror'],
  ['an event with a hostile id', () => `/events/${ENCODED}`, 'script'],
  ['the current', () => '/currents/hostile', 'hostile'],
  ['its settings', () => '/currents/hostile/settings', 'hostile'],
  ['the source', () => '/inbox/hostile', 'hostile'],
  ['drift', () => '/drift?source=hostile', 'onerror'],
  ['the audience', () => '/audiences/hostile', 'script'],
  ['a person', () => `/profiles?value=${PERSON}`, 'Profiles'],
  ['a search for hostile text', () => `/profiles?value=${ENCODED}`, 'Profiles'],
]

test.each(OF_THE_HOSTILE)('%s: shown as text', { timeout: 60_000 }, async (_what, path, shows) => {
  const page = await visit(stack, path())
  await page.getByRole('main').getByText(shows).first().waitFor()
  await page.waitForLoadState('networkidle').catch(() => undefined)
  await expectNothingRan(page)
})

test.each(PAGES)('$name: shown as text', { timeout: 60_000 }, async ({ path, shows }) => {
  const page = await visit(stack, path)
  await page.getByRole('main').getByText(shows).first().waitFor()
  await expectNothingRan(page)
})

test('results of SQL: shown as text', { timeout: 60_000 }, async () => {
  const page = await visit(stack, '/warehouse')
  const editor = page.getByRole('textbox', { name: /SQL/ })
  await editor.fill(`select '${CORPUS[1]?.replaceAll("'", "''")}' as "${CORPUS[0]?.replaceAll('"', '""')}"`)
  await page.getByRole('button', { name: 'Run' }).click()
  await page.getByRole('main').getByText('onerror').nth(1).waitFor()
  await expectNothingRan(page)
})
