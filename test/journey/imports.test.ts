/** Files as a source in a whole hub: folders and buckets, gaps, damage, pauses, changes. */

import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { type ApiStack, startApi } from '../../src/api/api.fixture.ts'
import { VirtualClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { openPlace } from '../../src/files/files.ts'
import { storageFile, storageName, storageSamples, writeBulk } from '../../src/sandbox/storage/storage.ts'
import { BUCKET_CREDENTIALS, testBucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { loggedRecords } from '../support/log-events.ts'
import { SOURCE } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const NOW = 1_780_000_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Each file costs a sync or two: a busy machine needs its time. */
vi.setConfig({ testTimeout: 90_000 })
const SAMPLES = storageSamples(seededRandom(5), NOW)

/** One file for each type, as Braze lays them out. */
async function sampleFolder(): Promise<string> {
  const folder = await tempFolder()
  const place = openPlace({ kind: 'folder', path: folder })
  for (const [i, { type, record }] of SAMPLES.entries())
    await place.write(storageName(type.name, NOW / 3600, 0, i), storageFile(type, [record]))
  return folder
}

async function finished({ call }: ApiStack, source: string, run = 1) {
  return eventually(
    `the import ${source} ends`,
    async () => {
      const { json } = await call('viewer', 'GET', `/api/v1/imports/${source}`)
      return json.run === run && json.state !== 'running' ? json : undefined
    },
    { withinMs: 60_000 },
  )
}

async function linesFolder(name: string, lines: readonly unknown[]): Promise<string> {
  const folder = await tempFolder()
  await writeFile(
    join(folder, name),
    lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
  )
  return folder
}

function openEvent(id: string, time = NOW) {
  return { event_type: 'users.messages.email.Open', id, time, user: { user_id: 'u' }, properties: {} }
}

describe('an import of a folder', () => {
  test('fills what a source did not send, and says what that was', async () => {
    const stack = await startApi()
    const sent = SAMPLES.filter((_, i) => i % 2 === 0)
    await stack.post(sent.map(({ event }) => event))
    const folder = await sampleFolder()
    const started = await stack.call('admin', 'POST', '/api/v1/imports', {
      location: folder,
      source: 'gap',
      copiesOf: SOURCE,
    })
    expect(started.status).toBe(201)
    const missing = SAMPLES.length - sent.length
    expect(await finished(stack, 'gap')).toMatchObject({
      state: 'finished',
      files: { listed: SAMPLES.length, done: SAMPLES.length, failed: 0 },
      read: SAMPLES.length,
      accepted: missing,
      duplicates: sent.length,
      quarantined: 0,
    })
    const { json: report } = await stack.call('viewer', 'GET', '/api/v1/imports/gap/report')
    expect(report.hours).toMatchObject([{ hour: Math.floor(NOW / 3600) * HOUR_MS, count: missing }])
    const filled = SAMPLES.filter((_, i) => i % 2 === 1).map(({ type }) => type.name)
    expect(report.types.map((row: { eventType: string }) => row.eventType).sort()).toEqual(filled.sort())
    // They are that source's events, and it may not send them again.
    const records = await loggedRecords(stack.hub.log)
    expect(new Set(records.map(({ source }) => source)).size).toBe(1)
    expect(await stack.post(SAMPLES.map(({ event }) => event))).toMatchObject({
      accepted: 0,
      duplicates: SAMPLES.length,
    })
  })

  test('adds nothing when the same folder is read again', async () => {
    const stack = await startApi()
    const body = { location: await sampleFolder() }
    const { json: started } = await stack.call('admin', 'POST', '/api/v1/imports', body)
    expect(await finished(stack, started.source)).toMatchObject({ accepted: SAMPLES.length })
    const { head } = stack.hub.log
    await stack.call('admin', 'POST', '/api/v1/imports', body)
    expect(await finished(stack, started.source, 2)).toMatchObject({
      read: 0,
      files: { listed: SAMPLES.length },
    })
    expect(stack.hub.log.head).toBe(head)
  })

  test('goes on after the hub was stopped, without loss or repetition of records without ids', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => ({
      event_type: 'a',
      time: NOW,
      properties: { i },
    }))
    const [dataDir, folder] = [await tempFolder(), await linesFolder('a.ndjson', lines)]
    const first = await startApi({ dataDir })
    await first.call('admin', 'POST', '/api/v1/imports', { location: folder, source: 'lines' })
    await eventually('something was read', () => first.hub.log.head > 0)
    await first.hub.close()
    const stack = await startApi({ dataDir })
    expect(await finished(stack, 'lines')).toMatchObject({ read: lines.length, accepted: lines.length })
    const texts = (await loggedRecords(stack.hub.log)).map(({ text }) => text)
    expect(texts).toEqual(lines.map((line) => JSON.stringify(line)))
  })

  test('is paused and resumed', async () => {
    const stack = await startApi()
    const folder = await tempFolder()
    const { events } = await writeBulk({
      folder,
      seed: 3,
      events: 30_000,
      eventsPerFile: 10_000,
      nowSeconds: NOW,
    })
    await stack.call('admin', 'POST', '/api/v1/imports', { location: folder, source: 'bulk' })
    await eventually('something was read', () => stack.hub.log.head > 0)
    const paused = await stack.call('operator', 'POST', '/api/v1/imports/bulk/pause')
    expect(paused.json).toMatchObject({ state: 'paused', files: { reading: 0 } })
    expect(paused.json.read).toBe(stack.hub.log.head)
    expect(await stack.call('operator', 'POST', '/api/v1/imports/bulk/pause')).toMatchObject({ status: 409 })
    await stack.call('operator', 'POST', '/api/v1/imports/bulk/resume')
    expect(await finished(stack, 'bulk')).toMatchObject({ run: 1, accepted: events, duplicates: 0 })
    expect(stack.hub.log.head).toBe(events)
  })

  test('quarantines what cannot be read, by file and position, and goes on', async () => {
    const stack = await startApi()
    const first = JSON.stringify(openEvent('a'))
    const folder = await linesFolder('some.ndjson', [first, '{"broken', openEvent('b')])
    await writeFile(join(folder, 'other.bin'), Buffer.from([0, 1, 2, 3]))
    await stack.call('admin', 'POST', '/api/v1/imports', { location: folder, source: 'bad' })
    expect(await finished(stack, 'bad')).toMatchObject({ state: 'finished', accepted: 2, quarantined: 2 })
    const inbox = await eventually('the inbox shows them', async () => {
      const { json } = await stack.call('viewer', 'GET', '/api/v1/inbox')
      return json.quarantine.length === 2 ? json : undefined
    })
    const notes = inbox.quarantine.map((row: { excerpt: string }) => JSON.parse(row.excerpt))
    expect(notes).toContainEqual(
      expect.objectContaining({ file: 'some.ndjson', at: first.length + 1, text: '{"broken' }),
    )
    expect(notes).toContainEqual(expect.objectContaining({ file: 'other.bin', problem: 'unreadable_block' }))
    const { json } = await stack.call('viewer', 'GET', '/api/v1/imports/bad/files')
    expect(json.files.find((file: { name: string }) => file.name === 'other.bin').problem).toContain(
      'neither Avro nor JSON',
    )
  })

  test('reads a file again when it changed, and leaves out what is no data', async () => {
    const stack = await startApi()
    const folder = await linesFolder('a.ndjson', [openEvent('a')])
    await writeFile(join(folder, '_SUCCESS'), '')
    await writeFile(join(folder, '.part'), 'x')
    const body = { location: folder, source: 'changing' }
    await stack.call('admin', 'POST', '/api/v1/imports', body)
    expect(await finished(stack, 'changing')).toMatchObject({ files: { listed: 1 }, accepted: 1 })
    await writeFile(
      join(folder, 'a.ndjson'),
      [openEvent('a'), openEvent('b')].map((one) => JSON.stringify(one)).join('\n'),
    )
    await utimes(join(folder, 'a.ndjson'), NOW, NOW)
    await stack.call('admin', 'POST', '/api/v1/imports', body)
    expect(await finished(stack, 'changing', 2)).toMatchObject({ read: 2, accepted: 1, duplicates: 1 })
  })

  test('knows what a source sent before the dedupe window, as long as the log keeps it', async () => {
    const clock = new VirtualClock(NOW * 1000)
    const stack = await startApi({ clock, watchMs: DAY_MS / 24 })
    await stack.post([openEvent('old-1'), openEvent('old-2')])
    await clock.advance(9 * DAY_MS)
    await stack.post([openEvent('young')])
    const ids = ['old-1', 'new', 'old-2', 'young', 'old-1', 'new']
    const folder = await linesFolder(
      'a.ndjson',
      ids.map((id) => openEvent(id)),
    )
    await stack.call('admin', 'POST', '/api/v1/imports', {
      location: folder,
      source: 'late',
      copiesOf: SOURCE,
    })
    expect(await finished(stack, 'late')).toMatchObject({ read: 6, accepted: 1, duplicates: 5 })
  })

  test('fails with a reason, and can be tried again', async () => {
    const stack = await startApi()
    const parent = await tempFolder()
    const folder = join(parent, 'later')
    await stack.call('admin', 'POST', '/api/v1/imports', { location: folder, source: 'later' })
    expect(await finished(stack, 'later')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining(folder),
    })
    await mkdir(folder)
    await writeFile(join(folder, 'a.json'), JSON.stringify(openEvent('a')))
    await stack.call('operator', 'POST', '/api/v1/imports/later/resume')
    expect(await finished(stack, 'later', 2)).toMatchObject({ state: 'finished', accepted: 1 })
  })
})

describe('an import of a bucket', () => {
  test('reads by an authorization, and goes on looking when it polls', async () => {
    const stack = await startApi()
    const location = await testBucket('some/prefix')
    const place = openPlace(location, BUCKET_CREDENTIALS)
    await place.write('a.ndjson', Buffer.from(JSON.stringify(openEvent('a'))))
    const made = await stack.call('admin', 'POST', '/api/v1/authorizations', {
      label: 'bucket',
      provider: 's3',
      credentials: BUCKET_CREDENTIALS,
    })
    const authorization = made.json.id ?? made.json.authorization?.id
    await stack.call('admin', 'POST', '/api/v1/imports', {
      location,
      authorization,
      source: 'bucket',
      pollSeconds: 5,
    })
    const read = (count: number) =>
      eventually(
        `${count} read`,
        async () => {
          const { json } = await stack.call('viewer', 'GET', '/api/v1/imports/bucket')
          return json.accepted === count ? json : undefined
        },
        { withinMs: 60_000 },
      )
    expect(await read(1)).toMatchObject({ state: 'running' })
    await place.write('b.ndjson', Buffer.from(JSON.stringify(openEvent('b'))))
    await read(2)
    place.close()
  })

  test('fails when the store refuses', async () => {
    const stack = await startApi()
    const made = await stack.call('admin', 'POST', '/api/v1/authorizations', {
      label: 'bucket',
      provider: 's3',
      credentials: { accessKeyId: 'unknown', secretAccessKey: 'x' },
    })
    const authorization = made.json.id ?? made.json.authorization?.id
    await stack.call('admin', 'POST', '/api/v1/imports', {
      location: await testBucket(),
      authorization,
      source: 'bucket',
    })
    expect(await finished(stack, 'bucket')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('refuses'),
    })
  })

  test('the provider s3 tells good credentials from bad ones', async () => {
    const { hub } = await startApi()
    const provider = hub.providers.find(({ name }) => name === 's3')
    const { kind: _, ...settings } = await testBucket()
    expect(await provider?.verify(settings, BUCKET_CREDENTIALS)).toEqual({ outcome: 'delivered' })
    const bad = await provider?.verify(settings, { accessKeyId: 'unknown', secretAccessKey: 'x' })
    expect(bad).toMatchObject({ outcome: 'failed', fault: { kind: 'unauthorized' } })
    const gone = await provider?.verify({ ...settings, bucket: 'none' }, BUCKET_CREDENTIALS)
    expect(gone).toMatchObject({ outcome: 'failed', fault: { kind: 'misconfigured' } })
  })
})

describe('an import of rows of people', () => {
  const columns = 'id,city\n'
  const csv = (cities: readonly string[]) =>
    `${columns}${cities.map((city, i) => `u${i},${city}\n`).join('')}`

  test('keeps a stream updated with the rows of a folder that changed', async () => {
    const stack = await startApi()
    const folder = await tempFolder()
    const write = async (cities: readonly string[], second: number) => {
      await writeFile(join(folder, 'users.csv'), csv(cities))
      // A file that was just written is left alone for a while.
      await utimes(join(folder, 'users.csv'), NOW + second, NOW + second)
    }
    await write(['Bonn', 'Kiel', 'Jena'], 0)
    await stack.call('admin', 'POST', '/api/v1/imports', {
      location: folder,
      source: 'people',
      pollSeconds: 5,
      rows: { stream: 'people', onlyChanged: ['id'] },
    })
    const read = (count: number) =>
      eventually(
        `${count} read`,
        async () => {
          const { json } = await stack.call('viewer', 'GET', '/api/v1/imports/people')
          return json.read === count && json.files.done * 3 === count ? json : undefined
        },
        { withinMs: 30_000 },
      )
    expect(await read(3)).toMatchObject({ stream: 'people', accepted: 3, duplicates: 0 })
    await write(['Bonn', 'Ulm', 'Jena'], 1)
    expect(await read(6)).toMatchObject({ accepted: 4, duplicates: 2 })
    // What it said at first is news again.
    await write(['Bonn', 'Kiel', 'Jena'], 2)
    expect(await read(9)).toMatchObject({ accepted: 5, duplicates: 4 })
    const records = await loggedRecords(stack.hub.log)
    expect(new Set(records.map(({ type }) => type))).toEqual(new Set(['lytics.people']))
    expect(records.map(({ text }) => JSON.parse(text).fields.city)).toEqual([
      'Bonn',
      'Kiel',
      'Jena',
      'Ulm',
      'Kiel',
    ])
    const { json } = await stack.call('viewer', 'GET', '/api/v1/imports/people/report')
    expect(json.types).toEqual([{ eventType: 'lytics.people', count: 5 }])
  })

  test('reads full dumps in the order of their times, and forgets what they said when that is not wanted any more', async () => {
    const stack = await startApi()
    const folder = await tempFolder()
    await writeFile(join(folder, 'b.csv'), csv(['Bonn', 'Kiel']))
    await writeFile(join(folder, 'a.csv'), csv(['Bonn', 'Ulm']))
    await utimes(join(folder, 'b.csv'), NOW, NOW)
    await utimes(join(folder, 'a.csv'), NOW + 1, NOW + 1)
    const start = async (rows: object, run: number) => {
      await stack.call('admin', 'POST', '/api/v1/imports', { location: folder, source: 'people', rows })
      return finished(stack, 'people', run)
    }
    const changed = { stream: 'people', onlyChanged: ['id'] }
    expect(await start(changed, 1)).toMatchObject({ state: 'finished', accepted: 3, duplicates: 1 })
    const cities = (await loggedRecords(stack.hub.log)).map(({ text }) => JSON.parse(text).fields.city)
    expect(cities).toEqual(['Bonn', 'Kiel', 'Ulm'])
    await writeFile(join(folder, 'c.csv'), csv(['Bonn', 'Jena']))
    expect(await start({ stream: 'people' }, 2)).toMatchObject({ accepted: 2, duplicates: 0 })
    await writeFile(join(folder, 'd.csv'), csv(['Bonn', 'Ulm']))
    expect(await start(changed, 3)).toMatchObject({ accepted: 2, duplicates: 0 })
  })

  test.each<[what: string, settings: object, message: string]>([
    ['copies', { copiesOf: SOURCE, rows: { stream: 'x' } }, 'Rows of people are no copies'],
    ['CSV of no stream', { format: 'csv' }, 'A CSV holds rows of people'],
    ['rows in Avro', { format: 'avro', rows: { stream: 'x' } }, 'not from Avro'],
    ['a stream that no address could have', { rows: { stream: 'a/b' } }, 'stream'],
  ])('%s are refused', async (_what, settings, message) => {
    const stack = await startApi()
    const location = await tempFolder()
    const answer = await stack.call('admin', 'POST', '/api/v1/imports', {
      location,
      source: 'people',
      ...settings,
    })
    expect(answer).toMatchObject({ status: 400, text: expect.stringContaining(message) })
  })

  test('by columns that the file lacks takes all rows, and fails with the reason', async () => {
    const stack = await startApi()
    const folder = await linesFolder('a.csv', ['id,city', 'u1,Bonn'])
    const rows = { stream: 'people', onlyChanged: ['ID'] }
    await stack.call('admin', 'POST', '/api/v1/imports', { location: folder, source: 'people', rows })
    expect(await finished(stack, 'people')).toMatchObject({ files: { failed: 1 } })
    const { json } = await stack.call('viewer', 'GET', '/api/v1/imports/people/files')
    expect(json.files[0]).toMatchObject({ problem: expect.stringContaining('No row has ID'), accepted: 1 })
  })
})

describe('who may import what', () => {
  test('a folder outside of the roots takes an admin, and stays that folder', async () => {
    const stack = await startApi()
    const folder = await linesFolder('a.ndjson', [])
    const settings = { location: { kind: 'folder', path: folder } }
    for (const role of ['viewer', 'operator'] as const)
      expect((await stack.call(role, 'POST', '/api/v1/imports', { location: folder })).status).toBe(403)
    expect(
      await stack.call('admin', 'POST', '/api/v1/sources', { name: 'x', kind: 'files', settings }),
    ).toMatchObject({
      status: 400,
      text: expect.stringContaining('THALWEG_FILES_ROOTS'),
    })
    await stack.call('admin', 'POST', '/api/v1/imports', { location: folder, source: 'mine' })
    const put = (path: string) =>
      stack.call('operator', 'PUT', '/api/v1/sources/mine', {
        settings: { location: { kind: 'folder', path } },
      })
    expect((await put(folder)).status).toBe(200)
    expect((await put('/etc')).status).toBe(400)
  })

  test('a name that belongs to another place is refused', async () => {
    const stack = await startApi()
    await stack.call('admin', 'POST', '/api/v1/imports', {
      location: await linesFolder('a', []),
      source: 'one',
    })
    for (const source of ['one', SOURCE])
      expect(
        (await stack.call('admin', 'POST', '/api/v1/imports', { location: await tempFolder(), source })).json,
      ).toMatchObject({ error: { code: 'SOURCE_NAME_TAKEN' } })
  })

  test('a source that files hold copies of is not removed', async () => {
    const stack = await startApi()
    await stack.call('admin', 'POST', '/api/v1/imports', {
      location: await tempFolder(),
      source: 'f',
      copiesOf: SOURCE,
    })
    expect((await stack.call('admin', 'DELETE', `/api/v1/sources/${SOURCE}`)).json).toMatchObject({
      error: { code: 'SOURCE_IN_USE' },
    })
  })
})
