/** Hostile texts wherever people, vendors and events can write one; and the proof that none of them runs, loads or becomes a link. */

import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { ConsoleStack } from './browser.ts'
import type { ListedPage } from './pages.ts'

/** Each leaves a mark if it runs; {n} tells which. */
export const CORPUS = [
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

/** Puts the corpus wherever a page can show it; gives pages that show it. */
export async function plantHostile({ hub, sandbox, call }: ConsoleStack): Promise<readonly ListedPage[]> {
  const source = await call('POST', '/sources', {
    name: 'hostile',
    kind: 'braze-currents',
    settings: {},
    token: 'hostile-source-token',
  })
  expect(source).toBeDefined()
  let authorization = ''
  for (const [i, text] of CORPUS.entries()) {
    await call('POST', '/tokens', { label: text, role: 'viewer' })
    await call('POST', '/people', { email: `hostile-${i}@example.com`, name: text, role: 'viewer' })
    const { id } = await call('POST', '/authorizations', {
      label: text,
      description: EVERYTHING,
      provider: 'http',
      credentials: { token: `t${i}` },
    })
    authorization = id
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
  const letter: string = await eventually(
    'there are dead letters',
    async () => (await call('GET', '/dead-letters?current=hostile')).deadLetters[0]?.id,
  )
  const encoded = encodeURIComponent(CORPUS[0] ?? '')
  return [
    { name: 'dead letters of the hostile', path: '/dead-letters?current=hostile', shows: 'hostile' },
    { name: 'a hostile dead letter', path: `/dead-letters/${letter}`, shows: 'onerror' },
    { name: 'an event with a hostile id', path: `/events/${encoded}`, shows: 'script' },
    { name: 'a hostile current', path: '/currents/hostile', shows: 'hostile' },
    { name: 'its settings', path: '/currents/hostile/settings', shows: 'hostile' },
    { name: 'a hostile source', path: '/inbox/hostile', shows: 'hostile' },
    { name: 'its drift', path: '/drift?source=hostile', shows: 'onerror' },
    { name: 'a hostile audience', path: '/audiences/hostile', shows: 'script' },
    { name: 'a search for hostile text', path: `/profiles?value=${encoded}`, shows: 'Profiles' },
  ]
}

export async function expectNothingRan(page: Page): Promise<void> {
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
