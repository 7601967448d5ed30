/** What every release so far has left behind is opened by this one: everything is there, delivery goes on where it was, and the books balance. */

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { unzipSync } from 'fflate'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { DEMO, startSandbox } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import {
  activationOf,
  idsOf,
  OWED,
  postEvents,
  postPeople,
  REFUSED,
  type ReleaseNote,
  ReleaseVendors,
  runActivation,
  settled,
  startReleaseHub,
  tell,
} from '../support/release-data.ts'
import { freshStoreUrl } from '../support/store.ts'
import { tempFolder } from '../support/temp.ts'
import { warehouseRows } from '../support/warehouse-rows.ts'

const RELEASES = join(import.meta.dirname, '../releases')
const MINUTE_MS = 60_000

/** As if it were this moment now: what is forgotten by age is still remembered. */
function clockFrom(nowMs: number): Clock {
  const shift = nowMs - systemClock.now()
  return { ...systemClock, now: () => systemClock.now() + shift }
}

async function unpacked(
  file: string,
): Promise<{ note: ReleaseNote; dataDir: string; store: string | undefined }> {
  const files = unzipSync(await readFile(join(RELEASES, file)))
  const textOf = (name: string): string => Buffer.from(files[name] ?? []).toString()
  const folder = await tempFolder()
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), bytes, { mode: 0o600 })
  }
  const note = JSON.parse(textOf('note.json')) as ReleaseNote
  const store = note.dialect === 'postgres' ? await restored(textOf('store.sql')) : undefined
  return { note, dataDir: join(folder, 'data'), store }
}

async function restored(dump: string): Promise<string> {
  const url = await freshStoreUrl('postgres', 'empty')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(dump)
  } finally {
    await client.end()
  }
  return url
}

describe.each(await readdir(RELEASES))('%s', (file) => {
  test('is opened, whole, and goes on', async () => {
    const { note, dataDir, store } = await unpacked(file)
    const sandbox = await startSandbox({ random: seededRandom(1) })
    onTestFinished(() => sandbox.close())
    const { profiles, cohorts } = sandbox.braze.vendor
    for (const externalId of ['ann', 'bob', 'cyd', 'dan']) profiles.load({ externalId }, 0)
    // Braze would still have it.
    const named = await fetch(`${sandbox.addresses.braze}/partners/${DEMO.brazePartner}/cohorts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        partner_api_key: DEMO.brazePartnerKey,
        client_secret: DEMO.brazeImportKey,
        cohort_id: 'vip',
        name: 'vip',
        created_at: new Date(note.madeAt).toISOString(),
      }),
    })
    expect(named.status).toBe(201)
    const vendors = new ReleaseVendors(sandbox)
    vendors.isAway = true
    const clock = clockFrom(note.madeAt + MINUTE_MS)
    const hub = await startReleaseHub({ dataDir, store, transport: vendors, clock })
    onTestFinished(() => hub.close())
    await settled(hub, ['rows'])
    // Later releases may tell more.
    expect(await tell(hub)).toMatchObject(note.told)

    // What was owed, once, and nothing that was delivered before.
    vendors.isAway = false
    await settled(hub, ['sink'])
    expect(vendors.taken).toEqual(OWED)
    // Ids are still known.
    const { told } = note
    const fresh = idsOf(1_000, 1_003)
    expect(await postEvents(hub, ['e0', 'e1', ...fresh])).toMatchObject({ accepted: 3, duplicates: 2 })
    await settled(hub, ['sink', 'rows'])
    expect(vendors.taken).toEqual([...OWED, ...fresh])
    const [rows] = await warehouseRows(hub, 'select count(*), count(distinct id) from braze.events')
    expect(rows?.map(Number)).toEqual(told.rows?.map((count) => count + fresh.length))

    // The dead letter has all that it needs to be sent again.
    vendors.refuses = undefined
    const [letter] = await hub.delivery.letters.list({ limit: 10 })
    expect(await hub.delivery.redrive([letter?.id ?? ''], '')).toBe(1)
    await eventually('it is taken', () => vendors.taken.includes(REFUSED))
    for (const { name, books } of told.currents) {
      const { number } = await hub.currents.get(name)
      if (books === null) continue
      expect(await hub.delivery.checkBooks(number), name).toMatchObject({
        balanced: true,
        accepted: books.accepted + (name === 'activation-vip' ? 0 : fresh.length),
        pending: 0,
        missing: [],
      })
    }

    // Credentials open, and the roster is the one that was left: only who is new is sent.
    const [{ id: authorization } = { id: '' }] = await hub.authorizations.list()
    await hub.audiences.revise('vip', activationOf(['ann', 'bob', 'cyd', 'dan'], authorization), '')
    const { report } = await hub.audiences.run('vip', await runActivation(hub))
    expect(report).toMatchObject({ unchanged: 3, added: 1, removed: 0, membersBefore: 3, membersAfter: 4 })
    const members = cohorts.get(DEMO.brazePartner, 'vip')?.members ?? []
    expect([...members].map(({ externalId }) => externalId)).toEqual(['dan'])

    // Who was known is known: a record about one of them changes that one, and their audience.
    await postPeople(hub, [{ email: 'ann@example.com', city: 'Bonn', last_name: 'Ulmer' }])
    await settled(hub, [])
    const ann = await hub.profiles.find('external_id', 'ann')
    expect(ann.fields).toEqual({ ...told.profiles.ann, city: 'Bonn', last_name: 'Ulmer' })
    expect(await hub.profiles.desk.counts()).toEqual(told.profiles.counts)
    expect((await hub.profiles.audiences.get('in_ulm')).size).toBe(told.profiles.inUlm - 1)
  }, 90_000)
})

test('this release, or the one before it, has left something of each kind', async () => {
  const kinds = (await readdir(RELEASES)).map((name) => name.replace(/^.*-/, ''))
  expect(new Set(kinds)).toEqual(new Set(['sqlite.zip', 'postgres.zip']))
})
