/**
 * The console on a house that is full: what its lists wait for at the API, and how long until the first page can be used. People are made by
 * `npm run bench profiles-large`; here are currents, dead letters and runs.
 */

import { sql } from 'kysely'
import { emptyReport } from '../src/audiences/run.ts'
import { recountLetters } from '../src/delivery/letter-counts.ts'
import { type ConsoleStack, startConsole } from '../test/console/browser.ts'
import { asked, quantile } from './rig.ts'

const DEAD_LETTERS = Number(process.env.THALWEG_BENCH_LETTERS ?? 1_000_000)
const RUNS = 10_000
const CURRENTS = 500
const OPENED = 5

/** What each list asks first, with and without filters, and what it asks further down. */
const LISTS: readonly string[] = [
  '/currents',
  '/dead-letters?limit=100',
  '/dead-letters?state=dead&limit=100',
  '/dead-letters?reason=invalid&limit=100',
  '/dead-letters?eventType=users.messages.email.Open&limit=100',
  '/dead-letters?state=delivered&reason=unclear&eventType=users.behaviors.CustomEvent&limit=100',
  '/dead-letters?eventId=event-500000',
  '/dead-letters/counts',
  '/dead-letters/counts?state=dead&reason=invalid',
  '/dead-letters?current=c7&limit=100',
  '/currents/c7/dead-letters?limit=100',
  '/runs?limit=50',
  '/runs?state=partial&limit=50',
  '/runs?trigger=manual&limit=50',
  '/runs?activation=many&dry=true&limit=50',
  '/activations/many/runs?limit=50',
  '/activations',
  '/alerts',
]

/** What bulk work shows first, and what one step of it does. */
const CHANGES: readonly { readonly about: string; readonly path: string; readonly body: object }[] = [
  { about: 'all of them, previewed', path: '/dead-letters/redrive', body: { filter: {}, preview: true } },
  {
    about: '1,000 of a type',
    path: '/dead-letters/discard',
    body: { filter: { eventType: 'users.messages.email.Click' }, note: 'bench' },
  },
]

export async function consoleLists(): Promise<object[]> {
  const stack = await startConsole()
  try {
    await fill(stack)
    const rows: object[] = []
    for (const path of LISTS) rows.push({ case: `GET ${path}`, ...(await asked(stack.call, path)) })
    for (const { about, path, body } of CHANGES)
      rows.push({ case: `POST ${path}, ${about}`, ...(await asked(stack.call, path, body)) })
    rows.push({
      case: 'GET /dead-letters, page 500',
      ...(await asked(stack.call, await deepPage(stack, '/dead-letters?limit=100', 500))),
    })
    rows.push({
      case: 'GET /runs, page 150',
      ...(await asked(stack.call, await deepPage(stack, '/runs?limit=50', 150))),
    })
    rows.push({
      case: 'from the address to the first page with its data, nothing kept',
      ...(await opened(stack)),
    })
    return rows
  } finally {
    await stack.close()
  }
}

async function fill({ hub, call }: ConsoleStack): Promise<void> {
  const { id } = await call('POST', '/authorizations', { label: 'bench', provider: 'http', credentials: {} })
  await call('POST', '/sources', { name: 'bench', kind: 'braze-currents' })
  for (let i = 0; i < CURRENTS; i++) {
    await call('POST', '/currents', {
      name: `c${i}`,
      contactEmail: 'contact@example.com',
      sources: ['bench'],
      destination: { kind: 'http', settings: { url: 'http://127.0.0.1:9/' }, authorization: id },
    })
  }
  const { number } = await call('POST', '/activations', {
    name: 'many',
    contactEmail: 'contact@example.com',
    query: { sql: 'select 1 as user_ids' },
    operation: 'mirror',
    destination: {
      kind: 'braze-cohort',
      settings: {
        instance: 'custom',
        host: 'http://127.0.0.1:9',
        partner: 'treasure_data',
        cohortId: 'many',
      },
      authorization: (
        await call('POST', '/authorizations', {
          label: 'cohorts',
          provider: 'braze-cohort',
          credentials: { importKey: 'key', partnerKey: 'key' },
        })
      ).id,
    },
  })
  const { db } = hub.store
  const now = hub.clock.now()
  await sql`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${sql.lit(DEAD_LETTERS)})
    insert into dead_letters
      (id, current, record_offset, event_id, event_type, received_at, version, batch, replay, fault, reason, message, status, event, edited,
       sent, answer, attempts, state, note, created_at, updated_at)
    select 'letter_' || printf('%08d', i), 1 + i % ${sql.lit(CURRENTS)}, i, 'event-' || i,
      case i % 3 when 0 then 'users.messages.email.Open' when 1 then 'users.messages.email.Click' else 'users.behaviors.CustomEvent' end,
      ${now} - i * 40, 1, 'batch-' || (i / 75), null, 'invalid', case i % 2 when 0 then 'invalid' else 'unclear' end, 'no such field', 400,
      cast('{"id":"event-' || i || '","properties":{"text":"' || hex(zeroblob(200)) || '"}}' as blob), null,
      '{"record":{}}', '{"error":"no such field"}', 1, case i % 10 when 0 then 'delivered' else 'dead' end, '', ${now} - i * 40, ${now} - i * 40
    from n`.execute(db)
  await recountLetters(hub.store)
  const report = JSON.stringify({
    ...emptyReport(),
    rows: 10,
    identifiers: 10,
    distinct: 10,
    added: 5,
    unchanged: 5,
    appended: 5,
    accepted: 5,
  })
  await sql`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${sql.lit(RUNS)})
    insert into runs
      (activation, run, version, target, cause, "by", dry, retry_of, state, phase, report, created_at, updated_at, finished_at)
    select ${number}, i, 1, 'many', 'manual', 'bench', 0, null, case i % 20 when 0 then 'partial' else 'succeeded' end, 'verify', ${report},
      ${now} - (${sql.lit(RUNS)} - i) * 60000, ${now} - (${sql.lit(RUNS)} - i) * 60000, ${now} - (${sql.lit(RUNS)} - i) * 60000
    from n`.execute(db)
}

/** The address of a page far down the list. */
async function deepPage({ call }: ConsoleStack, list: string, pages: number): Promise<string> {
  let path = list
  for (let i = 0; i < pages; i++) {
    const { next } = await call('GET', path)
    path = `${list}&cursor=${encodeURIComponent(next)}`
  }
  return path
}

async function opened({ open }: ConsoleStack): Promise<{ p50Ms: number; maxMs: number }> {
  const times = new Float64Array(OPENED)
  for (let i = 0; i < OPENED; i++) {
    const startedAt = performance.now()
    const { page, close } = await open('/')
    await page.getByRole('main').getByText('Arriving').waitFor()
    await page.getByRole('link', { name: 'Currents' }).first().click()
    times[i] = performance.now() - startedAt
    await close()
  }
  times.sort()
  return { p50Ms: quantile(times, 0.5), maxMs: times[OPENED - 1] ?? 0 }
}
