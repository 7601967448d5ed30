/** Every page of the console that can be opened on the demo's data: what the page tests walk and the screenshots show. */

import { eventually } from '../support/eventually.ts'
import type { ConsoleStack } from './browser.ts'

export interface ListedPage {
  /** Of its screenshots' files. */
  readonly name: string
  readonly path: string
  /** A text that stands on it once its data has come. */
  readonly shows: string
  /** A part of a page that is listed: `npm run test:console` walks it, `npm test` does not. */
  readonly tab?: true
  /** Brings about what the demo does not have by itself; once for all pages that name the same one. */
  readonly before?: (stack: ConsoleStack) => Promise<void>
}

export const PAGES: readonly ListedPage[] = [
  { name: 'loop', path: '/', shows: 'Loop' },
  { name: 'inbox', path: '/inbox', shows: 'users.messages.email.Open' },
  { name: 'inbox-source', path: '/inbox/braze', shows: 'Authentication token' },
  { name: 'drift', path: '/drift', shows: 'Drift' },
  {
    name: 'drift-type',
    tab: true,
    path: '/drift/types/users.messages.email.Open',
    shows: 'properties.campaign_id',
  },
  { name: 'dead-letters', path: '/dead-letters', shows: 'Dead letters' },
  { name: 'events', path: '/events', shows: 'users.messages.' },
  { name: 'record', path: '/records/0', shows: 'As it was received' },
  { name: 'audiences', path: '/audiences', shows: 'Eager readers' },
  { name: 'audience-new', path: '/audiences/-new', shows: 'People it means' },
  { name: 'audience-one', path: '/audiences/eager_readers', shows: 'Some of them' },
  { name: 'audience-members', tab: true, path: '/audiences/eager_readers/members', shows: 'As of' },
  {
    name: 'audience-compare',
    tab: true,
    path: '/audiences/eager_readers/compare',
    shows: 'At the second instant',
  },
  { name: 'audience-moves', tab: true, path: '/audiences/eager_readers/moves', shows: 'Until' },
  { name: 'audience-why', path: '/audiences/eager_readers/why?profile=1', shows: 'What was told to vendors' },
  { name: 'audience-edit', path: '/audiences/eager_readers/edit', shows: 'Would enter' },
  {
    name: 'audience-versions',
    tab: true,
    path: '/audiences/eager_readers/versions',
    shows: 'the present one',
  },
  { name: 'audience-uses', tab: true, path: '/audiences/eager_readers/uses', shows: 'Exports that send it' },
  { name: 'segments', path: '/segments', shows: 'There is no segment yet' },
  { name: 'segment-new', tab: true, path: '/segments/-new', shows: 'Table of people' },
  { name: 'warehouse', path: '/warehouse', shows: 'Find a table or column' },
  {
    name: 'warehouse-queries',
    tab: true,
    path: '/warehouse/queries',
    shows: 'Activations and the command line run them',
  },
  { name: 'warehouse-running', tab: true, path: '/warehouse/running', shows: 'Running queries' },
  { name: 'warehouse-engines', tab: true, path: '/warehouse/engines', shows: 'built in' },
  { name: 'currents', path: '/currents', shows: 'treasure-data' },
  { name: 'currents-new', path: '/currents/new', shows: 'Events of these sources' },
  { name: 'currents-new-events', tab: true, path: '/currents/new?step=2', shows: 'event types flow' },
  { name: 'currents-new-destination', tab: true, path: '/currents/new?step=4', shows: 'Kind of destination' },
  { name: 'currents-one', path: '/currents/treasure-data', shows: 'Delivered' },
  { name: 'currents-live', tab: true, path: '/currents/segment/live', shows: 'answered 200' },
  {
    name: 'currents-mapping',
    tab: true,
    path: '/currents/segment/mapping',
    shows: 'As the destination sees it',
  },
  { name: 'currents-selection', tab: true, path: '/currents/segment/selection', shows: 'type not selected' },
  {
    name: 'currents-dead-letters',
    tab: true,
    path: '/currents/treasure-data/dead-letters',
    shows: 'Edit, redrive or discard',
  },
  { name: 'currents-ledger', path: '/currents/warehouse/ledger', shows: 'The books balance' },
  { name: 'currents-replay', tab: true, path: '/currents/treasure-data/replay', shows: 'No replay yet' },
  { name: 'currents-settings', tab: true, path: '/currents/segment/settings', shows: 'the present one' },
  { name: 'activations', path: '/activations', shows: 'email-openers', before: runs },
  { name: 'activations-new', path: '/activations/new', shows: 'Cohort name' },
  {
    name: 'activations-one',
    path: '/activations/email-openers',
    shows: 'Members after each run',
    before: runs,
  },
  {
    name: 'activations-runs',
    tab: true,
    path: '/activations/email-openers/runs',
    shows: 'Run 2',
    before: runs,
  },
  {
    name: 'activations-members',
    tab: true,
    path: '/activations/email-openers/members',
    shows: 'as the vendor accepted them',
    before: runs,
  },
  {
    name: 'activations-why',
    tab: true,
    path: '/activations/email-openers/why?value=nobody',
    shows: 'No run has ever',
    before: runs,
  },
  {
    name: 'activations-versions',
    tab: true,
    path: '/activations/email-openers/versions',
    shows: 'Version 1',
  },
  {
    name: 'activations-settings',
    tab: true,
    path: '/activations/email-openers/settings',
    shows: 'Cohort name',
  },
  { name: 'runs', path: '/runs', shows: 'run 2', before: runs },
  { name: 'run', path: '/activations/email-openers/runs/2', shows: 'accepted +', before: runs },
  {
    name: 'run-dry',
    tab: true,
    path: '/activations/email-openers/runs/1',
    shows: 'nothing was sent',
    before: runs,
  },
  { name: 'run-held', path: '/activations/email-openers/runs/3', shows: 'Held by the brake', before: runs },
  {
    name: 'run-requests',
    tab: true,
    path: '/activations/email-openers/runs/2/requests',
    shows: 'HTTP',
    before: runs,
  },
  {
    name: 'run-query',
    tab: true,
    path: '/activations/email-openers/runs/2/query',
    shows: 'Engine',
    before: runs,
  },
  { name: 'run-log', tab: true, path: '/activations/email-openers/runs/2/log', shows: 'Ended', before: runs },
  { name: 'exports', path: '/exports', shows: 'eager-readers' },
  { name: 'exports-new', path: '/exports/new', shows: 'How fast' },
  { name: 'exports-one', path: '/exports/eager-readers', shows: 'Settled' },
  { name: 'exports-people', tab: true, path: '/exports/eager-readers/people', shows: 'Should hold' },
  { name: 'exports-log', tab: true, path: '/exports/eager-readers/log', shows: 'Slugs added' },
  { name: 'exports-reconcile', tab: true, path: '/exports/eager-readers/reconcile', shows: 'Not compared' },
  { name: 'exports-settings', tab: true, path: '/exports/eager-readers/settings', shows: 'Versions' },
  { name: 'alerts', path: '/alerts', shows: 'With those that are over' },
  { name: 'alert-channels', path: '/alerts/channels', shows: 'No alert leaves the house yet' },
  { name: 'alert-channel-new', path: '/alerts/channels/new/mail', shows: 'Make the channel' },
  { name: 'authorizations', path: '/authorizations', shows: 'Last heard of' },
  { name: 'authorization-providers', tab: true, path: '/authorizations/new', shows: 'Segment' },
  { name: 'authorization-new', path: '/authorizations/new/segment', shows: 'Keep these credentials' },
  { name: 'sandbox', path: '/sandbox', shows: 'Treasure Data' },
  { name: 'sandbox-double', path: '/sandbox/http', shows: 'Make it fail' },
  { name: 'sandbox-requests', tab: true, path: '/sandbox/http/requests', shows: 'POST /' },
  { name: 'sandbox-holding', path: '/sandbox/segment/holdings/events', shows: 'track' },
  { name: 'system', path: '/system', shows: 'Room left' },
  { name: 'system-nodes', tab: true, path: '/system/nodes', shows: 'The store is a file of this process' },
  { name: 'system-backups', tab: true, path: '/system/backups', shows: 'No backups yet' },
  { name: 'system-settings', path: '/system/settings', shows: 'THALWEG_PORT' },
  { name: 'profiles', path: '/profiles', shows: 'Identifiers' },
  { name: 'profiles-joins', path: '/profiles/merges', shows: 'ada@example.com', before: people },
  { name: 'profiles-conflicts', path: '/profiles/conflicts', shows: 'may not have so many', before: people },
  { name: 'profiles-apart', tab: true, path: '/profiles/apart', shows: 'a family', before: people },
  { name: 'profiles-one', path: '/profiles/1', shows: 'rank 1' },
  { name: 'profiles-one-traits', tab: true, path: '/profiles/1/traits', shows: 'Came by' },
  { name: 'profiles-one-timeline', tab: true, path: '/profiles/1/timeline', shows: 'Timeline' },
  { name: 'profiles-one-audiences', tab: true, path: '/profiles/1/audiences', shows: 'Eager readers' },
  { name: 'profiles-one-history', tab: true, path: '/profiles/1/history', shows: 'Kept apart' },
  { name: 'streams', path: '/streams', shows: 'braze_events' },
  { name: 'streams-one', path: '/streams/braze_events', shows: 'Try it on a record' },
  { name: 'streams-one-files', tab: true, path: '/streams/braze_users/files', shows: 'Import files' },
  {
    name: 'streams-identifiers',
    tab: true,
    path: '/streams/schema/identifiers',
    shows: 'Limits of a profile',
  },
  { name: 'streams-versions', tab: true, path: '/streams/schema/versions', shows: 'Version 0' },
  { name: 'erasures', path: '/erasures', shows: 'Nobody was erased' },
  { name: 'erasures-new', path: '/erasures/new', shows: 'Show what would be erased' },
  { name: 'access', path: '/access', shows: 'ben@example.com', before: team },
  { name: 'access-person', path: '/access/people/ben@example.com', shows: 'Way in', before: team },
  { name: 'access-tokens', tab: true, path: '/access/tokens', shows: 'Last used' },
  { name: 'access-you', tab: true, path: '/access/you', shows: 'You' },
  { name: 'audit', path: '/audit', shows: 'Update person', before: team },
  { name: 'audit-entry', tab: true, path: '/audit/1', shows: 'All its changes', before: team },
  { name: 'setup', path: '/setup', shows: 'Become the owner' },
  { name: 'accept', path: '/accept', shows: 'Choose a password' },
]

const prepared = new WeakMap<ConsoleStack, Map<unknown, Promise<void>>>()

/** What a page needs before it is opened. */
export function prepare(stack: ConsoleStack, { before }: ListedPage): Promise<void> {
  if (before === undefined) return Promise.resolve()
  const known = prepared.get(stack) ?? new Map<unknown, Promise<void>>()
  prepared.set(stack, known)
  const running = known.get(before) ?? before(stack)
  known.set(before, running)
  return running
}

/** Fewer, and the brake would let them go. */
const PEOPLE_MIN = 12

/** A dry run of the demo's cohort, one that is refused in part, and one that the brake holds. */
async function runs({ call, sandbox }: ConsoleStack): Promise<void> {
  const path = '/activations/email-openers'
  const run = async (body: object, until: readonly string[]) => {
    const { run: number } = await call('POST', `${path}/runs`, body)
    return eventually(
      `run ${number} ends`,
      async () => {
        const known = await call('GET', `${path}/runs/${number}`)
        return until.includes(known.state) ? known : undefined
      },
      { withinMs: 30_000 },
    )
  }
  const { definition } = await call('GET', path)
  await eventually(
    'enough people have opened an e-mail',
    async () => {
      const { query, aliases } = definition
      const { usable } = await call('POST', '/activations/preview', { query, aliases })
      return usable >= PEOPLE_MIN
    },
    { withinMs: 60_000 },
  )
  const dry = await run({ dry: true }, ['succeeded'])
  const ids = dry.report.sample.added.slice(0, 3).map(({ value }: { value: string }) => value)
  sandbox.braze.faults.set([{ kind: 'refuse', ids, error: 'not a valid user', path: '/partners/' }])
  await run({}, ['partial'])
  sandbox.braze.faults.clear()
  const { query } = definition
  const few = { ...query, sql: `${query.sql} limit 1` }
  await call('PUT', path, { definition: { ...definition, query: few }, note: 'only a few of them' })
  await run({}, ['held'])
}

/** Two who turn out to be one, an address that two claim, and a pair that is kept apart. */
async function people({ hub, call }: ConsoleStack): Promise<void> {
  const token = 'people-of-the-pages'
  await call('POST', '/sources', { name: 'people', kind: 'lytics', settings: { account: '7' }, token })
  const tell = async (rows: readonly object[]): Promise<void> => {
    await fetch(`${hub.url}/collect/json/braze_users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: token },
      body: JSON.stringify(rows),
    })
  }
  await tell([{ external_id: 'Ada' }, { email: 'ada@example.com' }, { external_id: 'Charles' }])
  await tell([{ external_id: 'Ada', email: 'ada@example.com', first_name: 'Ada' }])
  await tell([{ external_id: 'Charles', email: 'ada@example.com' }])
  await eventually('an address is claimed by two', async () => {
    const { conflicts } = await call('GET', '/profiles/conflicts')
    return conflicts.length > 0
  })
  await call('PUT', '/profiles/never-links', {
    a: ['external_id', 'Ada'],
    b: ['external_id', 'Charles'],
    note: 'a family',
  })
}

/** Somebody is invited and gets another role, so that there are people and changes. */
async function team({ call }: ConsoleStack): Promise<void> {
  await call('POST', '/people', { email: 'ben@example.com', name: 'Ben Ng', role: 'viewer' })
  await call('PATCH', '/people/ben@example.com', { role: 'operator' })
}
