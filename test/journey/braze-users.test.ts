/**
 * The mapping of Lytics' Braze page, row by row, through every way in: Braze's webhook, JSON, the dashboard's CSV (sent, and
 * as a file), and a segment export of Braze in a bucket. Whichever way they came, what lies in the log gives the same
 * records, and those the same profiles.
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ApiStack, startApi } from '../../src/api/api.fixture.ts'
import { openPlace } from '../../src/files/files.ts'
import { defaultSchema } from '../../src/profiles/mapping/default-schema.ts'
import { StreamMappers } from '../../src/profiles/mapping/stream-of.ts'
import type { MappedRecord } from '../../src/profiles/record.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { BUCKET_CREDENTIALS, testBucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { loggedRecords } from '../support/log-events.ts'
import { tempFolder } from '../support/temp.ts'

const STREAM = 'braze_users'
const ACCOUNT = '4711'
const KEY = 'lytics-token'

/** Source field of the page, field of the profile, what Braze holds, and what the profile gets. */
const TABLE: readonly (readonly [source: string, field: string, held: string, value: string | number])[] = [
  ['braze_id', 'br_user_id', '0123456789abcdef01234567', '0123456789abcdef01234567'],
  ['city', 'city', 'Köln', 'Köln'],
  ['country', 'country', 'DE', 'DE'],
  ['email', 'email', 'Ann.Builder@Example.com', 'ann.builder@example.com'],
  ['first_name', 'first_name', 'Ann', 'Ann'],
  ['gender', 'gender', 'F', 'F'],
  ['language', 'language', 'de', 'de'],
  ['last_name', 'last_name', 'O\'Neil, "Ann"', 'O\'Neil, "Ann"'],
  ['phone_number', 'phone', '+4915112345678', '+4915112345678'],
  ['time_zone', 'time_zone', 'Europe/Berlin', 'Europe/Berlin'],
  ['date_of_birth', 'birth_date', '1982-01-31', Date.UTC(1982, 0, 31)],
  ['twitter_handle', 'tw_uid', '@ann', '@ann'],
  ['external_id', 'external_id', 'u-1', 'u-1'],
]
const IDENTIFIERS = ['br_user_id', 'email', 'tw_uid', 'external_id']

/** By source field. Everybody has a braze_id. */
type Person = Readonly<Record<string, string>>

/** One for each row of the table, who has nothing else, and one who has everything, and no identifier of another. */
const PEOPLE: readonly Person[] = [
  ...TABLE.map(([source, , held], i) => ({ braze_id: brazeId(i), [source]: held })),
  {
    ...Object.fromEntries(TABLE.map(([source, , held]) => [source, held])),
    braze_id: brazeId(99),
    external_id: 'u-99',
    email: 'zoe@example.com',
    twitter_handle: '@zoe',
  },
]

function brazeId(i: number): string {
  return String(i).padStart(24, 'a')
}

/** As a record says it: values by field, and identifiers in the order of their names. */
function expected(person: Person) {
  const values = Object.fromEntries(
    TABLE.filter(([source]) => person[source] !== undefined).map(([source, field, held, value]) => [
      field,
      person[source] === held ? value : (person[source] ?? ''),
    ]),
  )
  return {
    identifiers: Object.entries(values)
      .filter(([field]) => IDENTIFIERS.includes(field))
      .sort(),
    values,
  }
}

function byBrazeId(a: { values: Record<string, unknown> }, b: { values: Record<string, unknown> }): number {
  return String(a.values.br_user_id) < String(b.values.br_user_id) ? -1 : 1
}

function comparable({ identifiers, values }: MappedRecord) {
  return {
    identifiers: identifiers.map(({ field, value }) => [field, value]).sort(),
    values: Object.fromEntries(values),
  }
}

/** What the log has of a source, as the stream maps it, by braze_id. */
async function mapped({ hub }: ApiStack, source: string) {
  const { number, kind } = hub.sources.get(source)
  const mappers = new StreamMappers(defaultSchema())
  const records = (await loggedRecords(hub.log)).filter((record) => record.source === number)
  return records
    .map(({ type, text, offset, receivedAt }) => {
      const mapper = mappers.of({ source, kind, type })
      if (mapper?.stream.name !== STREAM) throw new Error(`a record of type ${type} is of no stream`)
      const outcome = mapper.map(text, offset, receivedAt)
      if ('reason' in outcome) throw new Error(`not mapped, ${outcome.reason}: ${text}`)
      expect(outcome.lost).toEqual([])
      return comparable(outcome.record)
    })
    .sort(byBrazeId)
}

async function lyticsSource({ hub }: ApiStack, name: string): Promise<void> {
  await hub.sources.create({ name, kind: 'lytics', settings: { account: ACCOUNT }, token: KEY })
}

async function posted(url: string, body: string | Uint8Array, type: string): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': type },
    body: body as string,
  })
  expect(await answer.json()).toMatchObject({ status: 200, data: { rejected_count: 0 } })
}

/** Braze's template fills every key: what somebody lacks is empty. */
async function byWebhook(stack: ApiStack): Promise<string> {
  await lyticsSource(stack, 'webhook')
  for (const person of PEOPLE) {
    const body = Object.fromEntries(TABLE.map(([source]) => [source, person[source] ?? '']))
    await posted(
      `${stack.hub.url}/c/${ACCOUNT}/${STREAM}?key=${KEY}`,
      JSON.stringify(body),
      'application/json',
    )
  }
  return 'webhook'
}

async function byJson(stack: ApiStack): Promise<string> {
  await lyticsSource(stack, 'json')
  await posted(
    `${stack.hub.url}/collect/json/${STREAM}?access_token=${KEY}`,
    JSON.stringify(PEOPLE),
    'application/json',
  )
  return 'json'
}

/** Columns of the dashboard's export, with names of its own. */
const COLUMNS: readonly (readonly [column: string, source: string])[] = [
  ['Appboy ID', 'braze_id'],
  ['country', 'country'],
  ['date_of_birth', 'date_of_birth'],
  ['email', 'email'],
  ['unsubscribed_from_emails_at', ''],
  ['user_id', 'external_id'],
  ['first_name', 'first_name'],
  ['gender', 'gender'],
  ['city', 'city'],
  ['language', 'language'],
  ['last_name', 'last_name'],
  ['phone_number', 'phone_number'],
  ['random_bucket', ''],
  ['timezone', 'time_zone'],
  ['user_aliases', ''],
  ['twitter_handle', 'twitter_handle'],
]

function dashboardCsv(): string {
  const cell = (value: string): string => {
    const guarded = /^[-=+@]/.test(value) ? `'${value}` : value
    return /[",\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded
  }
  const rows = PEOPLE.map((person) => COLUMNS.map(([, source]) => cell(person[source] ?? '')).join())
  return `${[COLUMNS.map(([column]) => column).join(), ...rows].join('\r\n')}\r\n`
}

async function byCsv(stack: ApiStack): Promise<string> {
  await lyticsSource(stack, 'csv')
  await posted(
    `${stack.hub.url}/collect/bulk/${STREAM}?access_token=${KEY}&filename=users.csv`,
    dashboardCsv(),
    'application/csv',
  )
  return 'csv'
}

async function imported({ call }: ApiStack, request: object): Promise<string> {
  const { json } = await call('admin', 'POST', '/api/v1/imports', { ...request, rows: { stream: STREAM } })
  const done = await eventually(
    'the import ends',
    async () => {
      const view = await call('viewer', 'GET', `/api/v1/imports/${json.source}`)
      return view.json.state === 'running' ? undefined : view.json
    },
    { withinMs: 60_000 },
  )
  expect(done).toMatchObject({ state: 'finished', stream: STREAM, accepted: PEOPLE.length, quarantined: 0 })
  return json.source
}

async function byCsvFile(stack: ApiStack): Promise<string> {
  const folder = await tempFolder()
  await mkdir(join(folder, 'users'))
  await writeFile(join(folder, 'users', 'users-1.csv'), dashboardCsv(), 'utf16le')
  return imported(stack, { source: 'csv-file', location: folder })
}

/** The double holds these people, and exports them as Braze does. */
async function bySegmentExport(stack: ApiStack): Promise<string> {
  const { sandbox } = stack
  for (const { braze_id, external_id, twitter_handle, ...rest } of PEOPLE) {
    const { city, phone_number, date_of_birth, ...same } = rest
    const renamed = { home_city: city, phone: phone_number, dob: date_of_birth }
    const fields = {
      ...same,
      ...Object.fromEntries(Object.entries(renamed).filter(([, value]) => value !== undefined)),
    }
    sandbox.braze.vendor.profiles.load(
      {
        brazeId: braze_id ?? '',
        ...(external_id === undefined ? {} : { externalId: `${external_id}` }),
        fields,
        ...(twitter_handle === undefined ? {} : { custom: { twitter_handle } }),
      },
      0,
    )
  }
  const segment = sandbox.braze.vendor.segments.add('s1', {
    name: 'all',
    filter: { any: [{ identified: true }, { identified: false }] },
  })
  const asked = await fetch(`${sandbox.addresses.braze}/users/export/segment`, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEMO.brazeRestKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      segment_id: segment.id,
      fields_to_export: [
        'braze_id',
        'external_id',
        'first_name',
        'last_name',
        'email',
        'dob',
        'home_city',
        'country',
        'phone',
        'language',
        'time_zone',
        'gender',
        'custom_attributes',
        'user_aliases',
        'created_at',
      ],
    }),
  })
  const { url, object_prefix: prefix } = (await asked.json()) as { url: string; object_prefix: string }
  const zip = await eventually('the export is ready', async () => {
    const answer = await fetch(url)
    return answer.status === 200 ? Buffer.from(await answer.arrayBuffer()) : undefined
  })
  const location = await testBucket('exports')
  const place = openPlace(location, BUCKET_CREDENTIALS)
  await place.write(`segment-export/${segment.id}/2026-05-28/${prefix}/1.zip`, zip)
  place.close()
  const { json } = await stack.call('admin', 'POST', '/api/v1/authorizations', {
    label: 'bucket',
    provider: 's3',
    credentials: BUCKET_CREDENTIALS,
  })
  return imported(stack, { source: 'segment-export', location, authorization: json.id })
}

test.each<[way: string, send: (stack: ApiStack) => Promise<string>]>([
  ['a webhook of Braze', byWebhook],
  ['JSON', byJson],
  ['a CSV of the dashboard', byCsv],
  ['a CSV of the dashboard as a file', byCsvFile],
  ['a segment export in a bucket', bySegmentExport],
])('%s gives every row of the page’s table', async (_way, send) => {
  const stack = await startApi()
  const source = await send(stack)
  const wanted = PEOPLE.map(expected).sort(byBrazeId)
  expect(await mapped(stack, source)).toEqual(wanted)

  const { profiles, log } = stack.hub
  await eventually('the profiles have applied the log', () => profiles.status().position === log.head)
  expect(await profiles.desk.counts()).toMatchObject({ profiles: PEOPLE.length, merges: 0, conflicts: 0 })
  for (const { values } of wanted)
    expect((await profiles.find('br_user_id', String(values.br_user_id))).fields).toEqual(values)
})

test('a value that cannot be made is counted by its field, and costs nothing else', async () => {
  const stack = await startApi()
  await lyticsSource(stack, 'json')
  const rows = [
    { braze_id: 'b1', email: 'nobody', date_of_birth: '3/4/1982', city: 'Köln' },
    { braze_id: 'b2', email: 'nobody' },
    { email: 'nobody' },
  ]
  await posted(
    `${stack.hub.url}/collect/json/${STREAM}?access_token=${KEY}`,
    JSON.stringify(rows),
    'application/json',
  )
  const { profiles, log } = stack.hub
  await eventually('the profiles have applied the log', () => profiles.status().position === log.head)
  expect(profiles.status().counts).toEqual({
    applied: 2,
    no_identifier: 1,
    'braze_users.email not_an_email': 3,
    'braze_users.birth_date ambiguous_date': 1,
  })
  expect((await profiles.find('br_user_id', 'b1')).fields).toEqual({ br_user_id: 'b1', city: 'Köln' })
})
