/** profiles: people as streams tell of them: find, look, undo a join. */

import type { Command } from 'commander'
import type {
  ConflictAnswer,
  MergeAnswer,
  NeverLinkAnswer,
  ProfileAnswer,
  ProfileChangeAnswer,
  ProfileEventAnswer,
  ProfileSearchAnswer,
  ProfilesDriftAnswer,
  ProfilesStatusAnswer,
} from '../../api/routes/profiles.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, grouped, moment } from '../words.ts'

export function profileCommands(program: Command, session: Session): void {
  const group = program
    .command('profiles')
    .alias('profile')
    .description('people: one profile each, joined by identifiers')
  reading(group, session)
  joining(group, session)
}

function reading(group: Command, session: Session): void {
  group
    .command('status')
    .description('how far the profiles are, and how many there are')
    .action(async () => {
      const status = await (await session.client()).get<ProfilesStatusAnswer>('/profiles/status')
      session.out.show(status, () => showStatus(session, status))
    })

  group
    .command('find')
    .description('whom an identifier finds; without one, everybody, by id')
    .argument('[value]', 'any identifier: external id, e-mail address, …')
    .option('--field <field>', 'only as this identifier')
    .option('--begins', 'whoever has an identifier that begins with it')
    .option('--after <id>', 'without a value: behind this profile')
    .option('--limit <count>', 'at most so many', '20')
    .action(async (value: string | undefined, { begins, ...options }: Record<string, string>) => {
      const query = new URLSearchParams({
        ...options,
        ...(begins === undefined ? {} : { begins: 'true' }),
        ...(value === undefined ? {} : { value }),
      })
      const answer = await (await session.client()).get<{ profiles: ProfileAnswer[] }>(`/profiles?${query}`)
      session.out.show(answer, () => {
        const [only] = answer.profiles
        if (value !== undefined && only !== undefined && answer.profiles.length === 1)
          return showProfile(session, only)
        showPeople(
          session,
          answer.profiles,
          value === undefined
            ? 'There are no profiles. Send somebody: POST /collect/json/braze_users; see docs/profiles.md'
            : 'Nobody has this identifier.',
        )
      })
    })

  group
    .command('search')
    .description('who has a text in a value of a field; goes through everybody until enough are found')
    .argument('<text>', 'in letters of either case')
    .option('--field <field>', 'only in this field')
    .option('--limit <count>', 'at most so many', '20')
    .action(async (text: string, { limit, ...options }: { limit: string; field?: string }) => {
      const client = await session.client()
      const found: ProfileAnswer[] = []
      for (let after: number | null = 0; after !== null && found.length < Number(limit); ) {
        const query = new URLSearchParams({
          ...options,
          text,
          after: String(after),
          limit: String(Number(limit) - found.length),
        })
        const answer: ProfileSearchAnswer = await client.get(`/profiles/search?${query}`)
        found.push(...answer.profiles)
        after = answer.next
      }
      session.out.show({ profiles: found }, () => showPeople(session, found, 'Nobody has this in a value.'))
    })

  group
    .command('show')
    .description('one profile: fields with where they came from, identifiers, audiences, joins')
    .argument('<id>', 'number of the profile')
    .action(async (id: string) => {
      const client = await session.client()
      const profile = await client.get<ProfileAnswer>(path`/profiles/${id}`)
      const { merges } = await client.get<{ merges: MergeAnswer[] }>(`/profiles/merges?profile=${profile.id}`)
      session.out.show({ ...profile, merges }, () => {
        showProfile(session, profile)
        if (merges.length === 0) return
        session.out.line()
        showMerges(session, merges)
      })
    })

  group
    .command('events')
    .description('what somebody did, from the embedded warehouse')
    .argument('<id>', 'number of the profile')
    .option('--limit <count>', 'at most so many', '20')
    .action(async (id: string, { limit }: { limit: string }) => {
      const client = await session.client()
      const answer = await client.get<{ events: ProfileEventAnswer[] }>(
        `${path`/profiles/${id}`}/events?${new URLSearchParams({ limit })}`,
      )
      session.out.show(answer, () =>
        session.out.table(
          [{ title: 'AT' }, { title: 'EVENT' }, { title: 'ID' }],
          answer.events.map(({ at, eventType, id: event }) => [
            at === null ? '' : moment(at),
            clean(eventType ?? ''),
            clean(event ?? ''),
          ]),
          'The warehouse has no events of this profile.',
        ),
      )
    })

  group
    .command('drift')
    .description('how far the profiles are from what all evidence at once would give')
    .action(async () => {
      const drift = await (await session.client()).send<ProfilesDriftAnswer>('POST', '/profiles/drift', {})
      const share = (part: number): string => `${(part * 100).toFixed(2)} %`
      session.out.show(drift, () =>
        session.out.facts([
          ['profiles', `${grouped(drift.profiles)} now, ${grouped(drift.rebuilt)} rebuilt`],
          ['would be otherwise', share(drift.changed)],
          ['together only by arrival', `${share(drift.onlyByArrival)} of pairs of identifiers`],
          ['together only rebuilt', `${share(drift.onlyRebuilt)} of pairs`],
          ['links that break a rule', grouped(drift.rejected)],
          ['looked at', `every profile, and ${grouped(drift.records)} records that the log holds`],
        ]),
      )
    })

  group
    .command('conflicts')
    .description('identifiers that joined nobody, and why')
    .option('--profile <id>', 'only of this profile')
    .option('--limit <count>', 'at most so many', '20')
    .action(async (options: Record<string, string>) => {
      const client = await session.client()
      const answer = await client.get<{ conflicts: ConflictAnswer[] }>(
        `/profiles/conflicts?${new URLSearchParams(options)}`,
      )
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'AT' },
            { title: 'STREAM' },
            { title: 'IDENTIFIER' },
            { title: 'WHY' },
            { title: 'WENT TO' },
            { title: 'IS OF' },
          ],
          answer.conflicts.map(({ at, stream, field, value, reason, kept, other }) => [
            moment(at),
            clean(stream),
            clean(`${field} ${value}`, 60),
            clean(reason),
            kept === null ? '' : String(kept),
            other === null ? '' : String(other),
          ]),
          'There were no conflicts.',
        ),
      )
    })
}

function joining(group: Command, session: Session): void {
  group
    .command('merges')
    .description('profiles that were joined, newest first')
    .option('--profile <id>', 'only of this profile')
    .option('--limit <count>', 'at most so many', '20')
    .action(async (options: Record<string, string>) => {
      const client = await session.client()
      const answer = await client.get<{ merges: MergeAnswer[] }>(
        `/profiles/merges?${new URLSearchParams(options)}`,
      )
      session.out.show(answer, () => showMerges(session, answer.merges))
    })

  group
    .command('merge')
    .description('join two profiles')
    .argument('<one>', 'number of a profile')
    .argument('<two>', 'number of the other one')
    .option('--dry-run', 'only tell what it would do')
    .option('--yes', 'do not ask')
    .action(async (one: string, two: string, options: Change) => {
      const body = { one: Number(one), two: Number(two) }
      await change(session, '/profiles/merge', body, `Join the profiles ${one} and ${two}?`, options)
    })

  group
    .command('undo')
    .description('undo a join, and keep the two apart')
    .argument('<merge>', 'number of the join')
    .option('--note <text>', 'why', '')
    .option('--dry-run', 'only tell what it would do')
    .option('--yes', 'do not ask')
    .action(async (merge: string, { note, ...options }: Change & { note: string }) =>
      change(session, path`/profiles/merges/${merge}/undo`, { note }, `Undo the join ${merge}?`, options),
    )

  group
    .command('apart')
    .description('pairs of identifiers that are never to be joined; with two of them, one more')
    .argument('[a]', 'field=value')
    .argument('[b]', 'field=value')
    .option('--note <text>', 'why', '')
    .option('--remove', 'let them be joined again')
    .action(
      async (a: string | undefined, b: string | undefined, options: { note: string; remove?: boolean }) => {
        const client = await session.client()
        if (a !== undefined && b !== undefined) {
          const pair = { a: named(a), b: named(b) }
          if (options.remove === true) await client.send('POST', '/profiles/never-links/remove', pair)
          else await client.send('PUT', '/profiles/never-links', { ...pair, note: options.note })
        }
        const answer = await client.get<{ pairs: NeverLinkAnswer[] }>('/profiles/never-links')
        session.out.show(answer, () =>
          session.out.table(
            [{ title: 'ONE' }, { title: 'OTHER' }, { title: 'SINCE' }, { title: 'NOTE' }],
            answer.pairs.map((pair) => [
              clean(pair.a.join('=')),
              clean(pair.b.join('=')),
              moment(pair.createdAt),
              clean(pair.note, 60),
            ]),
            'No identifiers are kept apart.',
          ),
        )
      },
    )
}

interface Change {
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** Shows what it would do, asks, does it. */
async function change(
  session: Session,
  address: string,
  body: object,
  question: string,
  { dryRun, yes }: Change,
): Promise<void> {
  const client = await session.client()
  const plan = await client.send<ProfileChangeAnswer>('POST', address, { ...body, dryRun: true })
  if (dryRun === true) return session.out.show(plan, () => showChange(session, plan))
  if (yes !== true) showChange(session, plan)
  if (!(await session.agreed(yes, question))) return session.out.aside('Nothing was changed.')
  const done = await client.send<ProfileChangeAnswer>('POST', address, { ...body, dryRun: false })
  session.out.show(done, () => showChange(session, done))
}

function named(text: string): [string, string] {
  const at = text.indexOf('=')
  return [text.slice(0, Math.max(at, 0)), text.slice(at + 1)]
}

function showStatus({ out }: Session, status: ProfilesStatusAnswer): void {
  out.facts([
    ['profiles', counted(status.profiles)],
    ['identifiers', counted(status.identifiers)],
    ['joins', grouped(status.merges)],
    ['conflicts', grouped(status.conflicts)],
    [
      'read up to',
      status.position === null ? 'nothing feeds a stream yet' : `offset ${grouped(status.position)}`,
    ],
    ['behind', `${grouped(status.pending)} records`],
    ...status.readingAgain.map(({ stream, cleared, position, end }): [string, string] => [
      `reading again: ${clean(stream)}`,
      cleared ? `${grouped(end - position)} records of the log are left` : 'clearing what it gave before',
    ]),
    ...(status.judging ? [['audiences', 'being judged by the newest rules'] as [string, string]] : []),
    ...Object.entries(status.sinceStart).map(([word, count]): [string, string] => [
      `since the start: ${clean(word)}`,
      grouped(count),
    ]),
  ])
}

function counted(count: number | null): string {
  return count === null ? 'being counted' : grouped(count)
}

function showPeople({ out }: Session, profiles: readonly ProfileAnswer[], none: string): void {
  out.table(
    [
      { title: 'ID', right: true },
      { title: 'IDENTIFIERS' },
      { title: 'SEEN' },
      { title: 'AUDIENCES', right: true },
    ],
    profiles.map(({ id, identifiers, seenAt, audiences }) => [
      String(id),
      clean(identifiers.map((held) => held.value).join(', '), 80),
      moment(seenAt),
      String(audiences.length),
    ]),
    none,
  )
}

function showProfile({ out }: Session, profile: ProfileAnswer): void {
  out.facts([
    ['profile', String(profile.id)],
    ['first seen', moment(profile.createdAt)],
    ['last seen', moment(profile.seenAt)],
    ['audiences', profile.audiences.map(({ audience }) => String(audience)).join(', ') || 'none'],
  ])
  out.line()
  out.table(
    [
      { title: 'IDENTIFIER' },
      { title: 'VALUE' },
      { title: 'RECORDS', right: true },
      { title: 'LAST SEEN' },
      { title: '' },
    ],
    profile.identifiers.map(({ field, value, records, lastAt, sharedAt }) => [
      clean(field),
      clean(value, 60),
      grouped(records),
      moment(lastAt),
      sharedAt === null ? '' : 'shared: joins nobody',
    ]),
    '',
  )
  out.line()
  out.table(
    [{ title: 'FIELD' }, { title: 'VALUE' }, { title: 'OF' }, { title: 'STREAM' }],
    Object.entries(profile.fields).map(([name, { value, at, stream }]) => [
      clean(name),
      clean(typeof value === 'string' ? value : JSON.stringify(value), 60),
      at === null ? '' : moment(at),
      clean(stream ?? ''),
    ]),
    '',
  )
}

function showMerges({ out }: Session, merges: readonly MergeAnswer[]): void {
  out.table(
    [
      { title: 'JOIN', right: true },
      { title: 'AT' },
      { title: 'PROFILE', right: true },
      { title: 'TOOK', right: true },
      { title: 'WITH' },
      { title: '' },
    ],
    merges.map(({ id, at, survivor, loser, identifiers, undoneAt }) => [
      String(id),
      moment(at),
      String(survivor),
      String(loser),
      clean(identifiers.map(([, value]) => value).join(', '), 60),
      undoneAt === null ? '' : `undone ${moment(undoneAt)}`,
    ]),
    'No profiles were joined.',
  )
}

function showChange({ out }: Session, { differences, crowded, dryRun }: ProfileChangeAnswer): void {
  for (const { id, before, after, changed, asked } of differences) {
    const side = (one: typeof before): string =>
      one === null ? 'is not' : clean(one.identifiers.map(({ value }) => value).join(', ') || 'nobody', 100)
    out.facts([
      ['profile', String(id)],
      [dryRun ? 'now' : 'before', side(before)],
      [dryRun ? 'would be' : 'now', side(after)],
      ['fields that differ', clean(changed.join(', ') || 'none', 200)],
      ...(asked.length === 0
        ? []
        : [['of these, audiences ask for', clean(asked.join(', '), 200)] as [string, string]]),
    ])
    out.line()
  }
  if (crowded.length > 0) out.aside(`More values than the rules allow: ${clean(crowded.join(', '))}`)
}
