/** audiences: rules about people; who is in them, who was, and why. */

import { type Command, InvalidArgumentError } from 'commander'
import type {
  AudienceAnswer,
  AudienceComparisonAnswer,
  AudienceMembersAnswer,
  AudienceMovesAnswer,
  AudiencePeopleAnswer,
  AudiencePreviewAnswer,
  AudienceRuleAnswer,
  AudienceSizesAnswer,
  AudienceUsesAnswer,
  AudienceVersionAnswer,
  AudienceWhyAnswer,
} from '../../api/routes/audiences.ts'
import { path } from '../../core/api-path.ts'
import type { Client } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, cleanLines, grouped, moment, momentFrom, wholeFrom } from '../words.ts'

/** Characters of a field's value in a table. */
const VALUE_CHARS = 60
const AT = 'an instant: 2026-01-31, 2026-01-31T12:00:00Z, or so long ago: 3d, 90m'

export function audienceCommands(program: Command, session: Session): void {
  const group = program
    .command('audiences')
    .alias('audience')
    .description('rules about people: who is in them, who was, and why')
  reading(group, session)
  trying(group, session)
  changing(group, session)
  people(group, session)
  history(group, session)
  why(group, session)
}

function reading(group: Command, session: Session): void {
  group
    .command('list')
    .description('all audiences with their sizes')
    .action(async () => {
      const answer = await (await session.client()).get<{ audiences: AudienceAnswer[] }>('/audiences')
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'SLUG' },
            { title: 'SIZE', right: true },
            { title: 'VERSION', right: true },
            { title: 'SAVED' },
            { title: 'BY' },
            { title: 'NAME' },
          ],
          answer.audiences.map(({ slug, size, version, savedAt, author, name }) => [
            clean(slug),
            grouped(size),
            String(version),
            moment(savedAt),
            clean(author),
            clean(name, VALUE_CHARS),
          ]),
          'There are no audiences. Make one: thalweg audiences create <file>',
        ),
      )
    })

  group
    .command('show')
    .description('one audience: its rule, who needs it, its versions')
    .argument('<audience>', 'slug or number')
    .action(async (name: string) => {
      const client = await session.client()
      const audience = await client.get<AudienceAnswer>(path`/audiences/${name}`)
      const { versions } = await client.get<{ versions: AudienceVersionAnswer[] }>(
        `${path`/audiences/${name}`}/versions`,
      )
      const uses = await client.get<AudienceUsesAnswer>(`${path`/audiences/${name}`}/uses`)
      session.out.show({ ...audience, versions, uses }, () => {
        showAudience(session, audience)
        session.out.line()
        const users = [
          ...uses.audiences.map((slug) => `the audience ${slug}`),
          ...uses.exports.map((one) => `the export ${one.name}`),
        ]
        if (users.length > 0) session.out.facts([['needed by', clean(users.join(', '), 1_000)]])
        session.out.facts(
          versions.map(({ version, slug, savedAt, author, note }) => [
            `version ${version}`,
            `${clean(slug)}, ${moment(savedAt)} by ${clean(author)}${note === '' ? '' : `: ${clean(note)}`}`,
          ]),
        )
      })
    })
}

function trying(group: Command, session: Session): void {
  group
    .command('validate')
    .description('whether a rule fits the fields, or what is wrong and where')
    .argument('<file>', 'FilterQL, or JSON with the tree; - for standard input')
    .action(async (file: string) => {
      const client = await session.client()
      const filter = filterFrom(await session.readText(file))
      const rule = await client.send<AudienceRuleAnswer>('POST', '/audiences/validate', { filter })
      session.out.show(rule, () => {
        session.out.line(cleanLines(rule.filter))
        session.out.aside(`It asks ${listed(rule.fields)}${including(rule.includes)}.`)
      })
    })

  group
    .command('preview')
    .description('how many people a rule means, and some of them, before it is kept')
    .argument('<file>', 'FilterQL, or JSON with the tree; - for standard input')
    .option('--sample <count>', 'people to show, at most 100', wholeFrom(0, 100), 10)
    .option(
      '--look <count>',
      'look at so many people at most: everybody, or so many from all over',
      wholeFrom(1, 10_000_000),
      100_000,
    )
    .option('--against <audience>', 'an audience whose rule it would become: whom would that move?')
    .action(async (file: string, given: { sample: number; look: number; against?: string }) => {
      const client = await session.client()
      const body = { filter: filterFrom(await session.readText(file)), ...given }
      const preview = await client.send<AudiencePreviewAnswer>('POST', '/audiences/preview', body)
      session.out.show(preview, () => {
        const { size, exact, looked, profiles, change } = preview
        session.out.line(
          exact
            ? `${grouped(size)} of ${grouped(profiles)} people`
            : `about ${grouped(size)} of ${grouped(profiles)} people (${grouped(looked)} were looked at)`,
        )
        if (change !== null)
          session.out.line(
            `${exact ? '' : 'about '}${grouped(change.entered)} would enter, ${grouped(change.left)} would leave`,
          )
        showPeople(session, preview.sample)
      })
    })
}

interface DefinitionOptions {
  readonly slug?: string
  readonly name?: string
  readonly description?: string
  readonly note?: string
}

function changing(group: Command, session: Session): void {
  group
    .command('create')
    .description('keep a rule as an audience')
    .argument('<file>', 'FilterQL, or JSON with the tree; - for standard input')
    .option('--slug <slug>', 'what exports write; else what ALIAS says, or made of the name')
    .option('--name <name>', 'for people')
    .option('--description <text>', 'for those who come later')
    .action(async (file: string, { slug, name, description }: DefinitionOptions) => {
      const client = await session.client()
      const definition = { slug, name, description, filter: filterFrom(await session.readText(file)) }
      const made = await client.send<AudienceAnswer>('POST', '/audiences', definition)
      session.out.show(made, () => {
        showAudience(session, made)
        session.out.aside(`Who is in it? thalweg audiences sample ${made.slug}`)
      })
    })

  group
    .command('revise')
    .description('replace the rule; what is not given stays')
    .argument('<audience>', 'slug or number')
    .argument('[file]', 'FilterQL, or JSON with the tree; - for standard input')
    .option('--slug <slug>', 'rename it; what includes it goes on doing so')
    .option('--name <name>', 'for people')
    .option('--description <text>', 'for those who come later')
    .option('--note <text>', 'why', '')
    .action(async (which: string, file: string | undefined, given: DefinitionOptions) => {
      const client = await session.client()
      const revised = await revise(client, session, which, file, given)
      session.out.show(revised, () => showAudience(session, revised))
    })

  group
    .command('delete')
    .description('its members leave it; refused while it is included or exported')
    .argument('<audience>', 'slug or number')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      const { size } = await client.get<AudienceAnswer>(path`/audiences/${name}`)
      const question = `Delete "${clean(name)}"? ${grouped(size)} people leave it.`
      if (!(await session.agreed(yes, question))) return session.out.aside('Nothing was changed.')
      await client.remove(path`/audiences/${name}`)
      session.out.show({ deleted: name }, () => session.out.line(`Deleted ${clean(name)}.`))
    })
}

async function revise(
  client: Client,
  session: Session,
  which: string,
  file: string | undefined,
  { slug, name, description, note = '' }: DefinitionOptions,
): Promise<AudienceAnswer> {
  const present = await client.get<AudienceAnswer>(path`/audiences/${which}`)
  const definition = {
    slug: slug ?? present.slug,
    name: name ?? present.name,
    description: description ?? present.description,
    filter: file === undefined ? present.filter : filterFrom(await session.readText(file)),
  }
  return client.send<AudienceAnswer>('PUT', path`/audiences/${which}`, { definition, note })
}

function people(group: Command, session: Session): void {
  group
    .command('sample')
    .description('some members from all over, with what is known of them')
    .argument('<audience>', 'slug or number')
    .option('--limit <count>', 'at most 100', wholeFrom(0, 100), 10)
    .action(async (name: string, { limit }: { limit: number }) => {
      const answer = await (await session.client()).get<AudiencePeopleAnswer>(
        `${path`/audiences/${name}`}/sample?limit=${limit}`,
      )
      session.out.show(answer, () => showPeople(session, answer.people))
    })

  group
    .command('members')
    .description('who is in it, or was at an instant')
    .argument('<audience>', 'slug or number')
    .option('--at <instant>', AT)
    .option('--after <profile>', 'from the page before', '0')
    .option('--limit <count>', 'at most 1,000', wholeFrom(1, 1_000), 100)
    .action(async (name: string, { at, after, limit }: { at?: string; after: string; limit: number }) => {
      const query = new URLSearchParams({ after, limit: String(limit), ...instant(session, 'at', at) })
      const answer = await (await session.client()).get<AudienceMembersAnswer>(
        `${path`/audiences/${name}`}/members?${query}`,
      )
      session.out.show(answer, () => {
        session.out.table(
          [{ title: 'PROFILE', right: true }, { title: 'SINCE' }],
          answer.members.map(({ profile, since }) => [String(profile), moment(since)]),
          'Nobody.',
        )
        if (answer.next !== null) session.out.aside(`More: --after ${answer.next}`)
      })
    })
}

function history(group: Command, session: Session): void {
  group
    .command('moves')
    .description('who entered and left, when and why, newest first')
    .argument('<audience>', 'slug or number')
    .option('--profile <number>', 'of one profile')
    .option('--from <instant>', AT)
    .option('--to <instant>', AT)
    .option('--before <id>', 'from the page before')
    .option('--limit <count>', 'at most 1,000', wholeFrom(1, 1_000), 100)
    .action(
      async (
        name: string,
        given: { profile?: string; from?: string; to?: string; before?: string; limit: number },
      ) => {
        const query = new URLSearchParams({
          limit: String(given.limit),
          ...(given.profile === undefined ? {} : { profile: given.profile }),
          ...(given.before === undefined ? {} : { before: given.before }),
          ...instant(session, 'from', given.from),
          ...instant(session, 'to', given.to),
        })
        const answer = await (await session.client()).get<AudienceMovesAnswer>(
          `${path`/audiences/${name}`}/moves?${query}`,
        )
        session.out.show(answer, () => {
          showMoves(session, answer.moves)
          if (answer.next !== null) session.out.aside(`More: --before ${answer.next}`)
        })
      },
    )

  group
    .command('compare')
    .description('who is in it at one instant and not at the other')
    .argument('<audience>', 'slug or number')
    .requiredOption('--from <instant>', AT)
    .option('--to <instant>', AT, 'now')
    .option('--limit <count>', 'profiles to name of each, at most 1,000', wholeFrom(1, 1_000), 20)
    .action(async (name: string, { from, to, limit }: { from: string; to: string; limit: number }) => {
      const query = new URLSearchParams({
        limit: String(limit),
        ...instant(session, 'from', from),
        ...instant(session, 'to', to),
      })
      const answer = await (await session.client()).get<AudienceComparisonAnswer>(
        `${path`/audiences/${name}`}/compare?${query}`,
      )
      session.out.show(answer, () =>
        session.out.facts([
          ['size', `${grouped(answer.sizeAtA)}, then ${grouped(answer.sizeAtB)}`],
          ['entered', `${grouped(answer.entered)}${named(answer.enteredSample)}`],
          ['left', `${grouped(answer.left)}${named(answer.leftSample)}`],
        ]),
      )
    })

  group
    .command('sizes')
    .description('its size over time')
    .argument('<audience>', 'slug or number')
    .option('--from <instant>', AT, '7d')
    .option('--to <instant>', AT, 'now')
    .option('--step <seconds>', 'between two points', wholeFrom(1, 31_622_400), 86_400)
    .action(async (name: string, { from, to, step }: { from: string; to: string; step: number }) => {
      const query = new URLSearchParams({
        step: String(step * 1_000),
        ...instant(session, 'from', from),
        ...instant(session, 'to', to),
      })
      const answer = await (await session.client()).get<AudienceSizesAnswer>(
        `${path`/audiences/${name}`}/sizes?${query}`,
      )
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'UNTIL' },
            { title: 'SIZE', right: true },
            { title: 'ENTERED', right: true },
            { title: 'LEFT', right: true },
          ],
          answer.points.map(({ at, size, entered, left }) => [
            moment(at),
            grouped(size),
            grouped(entered),
            grouped(left),
          ]),
          'Nothing.',
        ),
      )
    })
}

function why(group: Command, session: Session): void {
  group
    .command('why')
    .description('why somebody is or is not in it: the rule with what it found')
    .argument('<audience>', 'slug or number')
    .argument('<who>', 'number of a profile, or an identifier: email=ann@example.com')
    .action(async (name: string, who: string) => {
      const answer = await (await session.client()).get<AudienceWhyAnswer>(
        `${path`/audiences/${name}`}/why?${whoFrom(who)}`,
      )
      session.out.show(answer, () => showWhy(session, name, answer))
    })
}

function whoFrom(who: string): URLSearchParams {
  if (/^\d+$/.test(who)) return new URLSearchParams({ profile: who })
  const at = who.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Give the number of a profile, or field=value.')
  return new URLSearchParams({ field: who.slice(0, at), value: who.slice(at + 1) })
}

/** A tree is told from FilterQL by its brace. */
function filterFrom(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`The tree is not JSON: ${(error as Error).message}`)
  }
}

function instant(session: Session, name: string, text: string | undefined): Record<string, string> {
  return text === undefined ? {} : { [name]: String(momentFrom(text, session.io.now())) }
}

function showAudience({ out }: Session, audience: AudienceAnswer): void {
  const { slug, number, name, description, version, size, filter, includes } = audience
  out.facts([
    ['slug', `${clean(slug)} (number ${number}, version ${version})`],
    ['name', clean(name)],
    ...(description === '' ? [] : [['description', clean(description, 1_000)] as [string, string]]),
    ['size', `${grouped(size)} people`],
    ...(includes.length === 0 ? [] : [['includes', clean(includes.join(', '))] as [string, string]]),
  ])
  out.line(`\n${cleanLines(filter)}`)
}

function showPeople({ out }: Session, found: Readonly<AudiencePeopleAnswer['people']>): void {
  for (const { profile, identifiers, fields } of found) {
    out.line()
    out.facts([
      ['profile', String(profile)],
      ...identifiers.map(({ field, value }): [string, string] => [clean(field), clean(value, VALUE_CHARS)]),
      ...Object.entries(fields).map(([name, value]): [string, string] => [clean(name), shown(value)]),
    ])
  }
}

function showMoves({ out }: Session, moves: AudienceWhyAnswer['moves']): void {
  out.table(
    [{ title: 'WHEN' }, { title: 'PROFILE', right: true }, { title: 'WHAT' }, { title: 'CAUSE' }],
    moves.map(({ at, profile, entered, cause, offset }) => [
      moment(at),
      String(profile),
      entered ? 'entered' : 'left',
      offset === null ? cause : `${cause} at ${offset}`,
    ]),
    'Nobody moved.',
  )
}

function showWhy(
  session: Session,
  name: string,
  { profile, since, why: tree, moves, carried }: AudienceWhyAnswer,
): void {
  const { out } = session
  const stands = since === null ? 'is not in it' : `has been in it since ${moment(since)}`
  out.line(`Profile ${profile} ${stands}: ${clean(name)}`)
  out.line()
  showTree(session, tree, '')
  for (const { name: sender, people } of carried)
    for (const { who, wanted, sent, state } of people)
      out.line(
        `The export ${clean(sender)} knows ${clean(who.value)}: the slug is ${wanted ? '' : 'not '}wanted, ${sent ? 'accepted' : 'not there'}, ${state}`,
      )
  if (moves.length === 0) return
  out.line()
  showMoves(session, moves)
}

function showTree(
  session: Session,
  { text, holds, flipAt, parts, condition }: AudienceWhyAnswer['why'],
  indent: string,
): void {
  const { out } = session
  const sign = holds ? out.colour('green', 'yes') : out.colour('red', 'no ')
  const found = condition === undefined ? '' : `   found ${told(condition)}`
  const until = flipAt === null ? '' : `   may change ${moment(flipAt)}`
  out.line(`${sign} ${indent}${clean(text, 300)}${found}${until}`)
  for (const part of parts) showTree(session, part, `${indent}  `)
}

/** Moments are numbers, which the rule alone shows to be moments. */
function told({ actual, moments }: NonNullable<AudienceWhyAnswer['why']['condition']>): string {
  return typeof actual === 'number' && moments.length > 0 ? moment(actual) : shown(actual)
}

function shown(value: unknown): string {
  if (value === null) return 'nothing'
  return clean(typeof value === 'string' ? value : JSON.stringify(value), VALUE_CHARS)
}

function listed(fields: readonly string[]): string {
  return fields.length === 0 ? 'no field' : clean(fields.join(', '))
}

function including(slugs: readonly string[]): string {
  return slugs.length === 0 ? '' : ` and includes ${clean(slugs.join(', '))}`
}

function named(profiles: readonly number[]): string {
  return profiles.length === 0 ? '' : `: ${profiles.join(', ')}`
}
