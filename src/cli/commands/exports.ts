/** exports: audiences on their way to a vendor. */

import { type Command, Option } from 'commander'
import type {
  ExportAnswer,
  ExportLogAnswer,
  ExportPeopleAnswer,
  ExportPreviewAnswer,
  ExportVersionAnswer,
  ExportWholeAnswer,
  ReconciliationAnswer,
} from '../../api/routes/exports.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, grouped, moment, span, wholeFrom } from '../words.ts'

export function exportCommands(program: Command, session: Session): void {
  const group = program
    .command('exports')
    .description('audiences on their way to a vendor, as slugs in an attribute')
  reading(group, session)
  changing(group, session)
  people(group, session)
  reconciling(group, session)
}

function reading(group: Command, session: Session): void {
  group
    .command('list')
    .description('all exports')
    .action(async () => {
      const answer = await (await session.client()).get<{ exports: ExportAnswer[] }>('/exports')
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'NAME' },
            { title: 'STATE' },
            { title: 'AUDIENCES' },
            { title: 'MOVES' },
            { title: 'EXISTING USERS' },
            { title: 'VERSION', right: true },
          ],
          answer.exports.map(({ name, state, definition, version }) => [
            clean(name),
            state,
            definition.audiences.join(', '),
            definition.moves,
            definition.existingUsers ? 'yes' : 'no',
            String(version),
          ]),
          'There are no exports. Make one: thalweg exports create <file.json>',
        ),
      )
    })

  group
    .command('show')
    .description('one export: state, numbers, definition')
    .argument('<export>', 'name or number')
    .action(async (name: string) => {
      const one = await (await session.client()).get<ExportWholeAnswer>(path`/exports/${name}`)
      session.out.show(one, () => showExport(session, one))
    })

  group
    .command('versions')
    .description('every definition that it had, latest first')
    .argument('<export>', 'name or number')
    .action(async (name: string) => {
      const client = await session.client()
      const answer = await client.get<{ versions: ExportVersionAnswer[] }>(path`/exports/${name}/versions`)
      session.out.show(answer, () =>
        session.out.facts(
          answer.versions.map(({ version, createdAt, author, note }) => [
            `version ${version}`,
            `${moment(createdAt)} by ${clean(author)}${note === '' ? '' : `: ${clean(note)}`}`,
          ]),
        ),
      )
    })

  group
    .command('preview')
    .description('what it would send at its start: of an export, or of a definition before it is made')
    .argument('[export]', 'name or number')
    .option('-f, --file <file>', 'definition as JSON; -: standard input')
    .action(async (name: string | undefined, { file }: { file?: string }, command: Command) => {
      if ((name === undefined) === (file === undefined))
        command.error('error: name an export or give a definition with --file', { exitCode: 2 })
      const client = await session.client()
      const preview = await (file === undefined
        ? client.get<ExportPreviewAnswer>(path`/exports/${name ?? ''}/preview`)
        : client.send<ExportPreviewAnswer>('POST', '/exports/preview', await session.readJson(file)))
      session.out.show(preview, () => showPreview(session, preview))
    })

  group
    .command('log')
    .description('what its batches did, newest first')
    .argument('<export>', 'name or number')
    .option('--limit <count>', 'entries, at most 500', wholeFrom(1, 500), 50)
    .action(async (name: string, { limit }: { limit: number }) => {
      const client = await session.client()
      const answer = await client.get<ExportLogAnswer>(path`/exports/${name}/log`, { limit })
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: '#', right: true },
            { title: 'AT' },
            { title: 'LANE' },
            ...['PEOPLE', 'ADDED', 'REMOVED', 'REFUSED', 'OMITTED', 'TRIES'].map((title) => ({
              title,
              right: true as const,
            })),
            { title: 'REFUSAL' },
          ],
          answer.entries.map((entry) => [
            String(entry.number),
            moment(entry.at),
            entry.lane,
            ...[entry.people, entry.added, entry.removed, entry.refused, entry.omitted, entry.requests].map(
              grouped,
            ),
            clean(entry.message, 60),
          ]),
          'Nothing was sent yet.',
        ),
      )
    })
}

function changing(group: Command, session: Session): void {
  group
    .command('create')
    .description('make a draft from a definition; nothing is sent until it is started')
    .argument('<file>', 'JSON with the definition; -: standard input')
    .option('--start', 'start it at once')
    .action(async (file: string, { start }: { start?: boolean }) => {
      const client = await session.client()
      let made = await client.send<ExportAnswer>('POST', '/exports', await session.readJson(file))
      if (start) made = await client.send('POST', path`/exports/${made.number}/start`)
      session.out.show(made, () =>
        session.out.line(
          start
            ? `Made and started ${clean(made.name)}.`
            : `Made ${clean(made.name)}, a draft. What would it send? thalweg exports preview ${clean(made.name)}. Start it: thalweg exports start ${clean(made.name)}`,
        ),
      )
    })

  group
    .command('revise')
    .description('a new version of the definition, applied to everybody; a halted export runs again')
    .argument('<export>', 'name or number')
    .argument('<file>', 'JSON with the definition; -: standard input')
    .option('--note <text>', 'why, for those who come later', '')
    .action(async (name: string, file: string, { note }: { note: string }) => {
      const client = await session.client()
      const body = { definition: await session.readJson(file), note }
      const revised = await client.send<ExportAnswer>('PUT', path`/exports/${name}`, body)
      session.out.show(revised, () =>
        session.out.line(`${clean(revised.name)} is now version ${revised.version}, ${revised.state}.`),
      )
    })

  group
    .command('start')
    .description('start a draft')
    .argument('<export>', 'name or number')
    .action((name: string) => act(session, name, 'start', {}))

  group
    .command('pause')
    .description('send nothing for now; who enters and leaves is followed all the same')
    .argument('<export>', 'name or number')
    .option('--reason <text>', 'why, for those who come later', '')
    .action((name: string, { reason }: { reason: string }) => act(session, name, 'pause', { reason }))

  group
    .command('resume')
    .description('send again, what is different by now')
    .argument('<export>', 'name or number')
    .action((name: string) => act(session, name, 'resume', {}))

  group
    .command('delete')
    .description('end it for ever, after its slugs were removed at the vendor')
    .argument('<export>', 'name or number')
    .option('--leave', 'leave its slugs at the vendor')
    .option('--yes', 'do not ask')
    .action(async (name: string, { leave = false, yes }: { leave?: boolean; yes?: boolean }) => {
      const client = await session.client()
      const one = await client.get<ExportWholeAnswer>(path`/exports/${name}`)
      const { people: holding, requests, dataPoints, minutes } = one.status.removal
      const consequence = leave
        ? `the slugs of ${grouped(holding)} people stay there for ever`
        : `the slugs of ${grouped(holding)} people are removed: ${grouped(requests)} requests, ${grouped(dataPoints)} data points, about ${grouped(minutes)} min`
      const question = `Delete ${clean(one.name)}, ${one.state}? At the vendor ${consequence}.`
      if (!(await session.agreed(yes, question))) return session.out.aside('Nothing was changed.')
      const slugs = leave ? 'leave' : 'remove'
      const removed = await client.remove<ExportAnswer>(`${path`/exports/${one.number}`}?slugs=${slugs}`)
      session.out.show(removed, () => session.out.line(`${clean(removed.name)} is ${removed.state}.`))
    })
}

interface PeopleOptions {
  readonly state?: string
  readonly value?: string
  readonly profile?: number
  readonly after?: string
  readonly limit: number
}

function people(group: Command, session: Session): void {
  group
    .command('people')
    .description('what the vendor should hold of each person, and what it accepted')
    .argument('<export>', 'name or number')
    .addOption(new Option('--state <state>').choices(['settled', 'pending', 'sending', 'refused']))
    .option('--value <identifier>', 'of this identifier')
    .option('--profile <number>', 'of this profile', wholeFrom(1, Number.MAX_SAFE_INTEGER))
    .option('--after <place>', 'from the page before')
    .option('--limit <count>', 'people, at most 500', wholeFrom(1, 500), 50)
    .action(async (name: string, options: PeopleOptions) => {
      const client = await session.client()
      const answer = await client.get<ExportPeopleAnswer>(path`/exports/${name}/people`, { ...options })
      session.out.show(answer, () => showPeople(session, answer))
    })

  group
    .command('refused')
    .description('people whom the vendor does not take, and why')
    .argument('<export>', 'name or number')
    .option('--limit <count>', 'people, at most 500', wholeFrom(1, 500), 50)
    .action(async (name: string, { limit }: { limit: number }) => {
      const client = await session.client()
      const query = { state: 'refused', limit }
      const answer = await client.get<ExportPeopleAnswer>(path`/exports/${name}/people`, query)
      session.out.show(answer, () => showPeople(session, answer))
    })

  group
    .command('retry')
    .description('try all refused people again')
    .argument('<export>', 'name or number')
    .action(async (name: string) => {
      const client = await session.client()
      const answer = await client.send<{ retried: number }>('POST', path`/exports/${name}/retry`)
      session.out.show(answer, () => session.out.line(`${grouped(answer.retried)} people are tried again.`))
    })
}

const ASK_EVERY_MS = 500

function reconciling(group: Command, session: Session): void {
  group
    .command('reconcile')
    .description('compare with what the vendor holds, person by person; waits for the end')
    .argument('<export>', 'name or number')
    .option('--repair', 'send what is different')
    .action(async (name: string, { repair = false }: { repair?: boolean }) => {
      const client = await session.client()
      const where = path`/exports/${name}/reconcile`
      let report = await client.send<ReconciliationAnswer>('POST', where, { repair })
      while (report.state === 'running') {
        if (!(await session.io.pause(ASK_EVERY_MS))) break
        report = await client.get<ReconciliationAnswer>(where)
      }
      const differs = report.missing + report.stale > 0
      if (report.state === 'failed' || (differs && !repair)) session.exitCode = 1
      session.out.show(report, () => showReconciliation(session, report))
    })
}

async function act(session: Session, name: string, word: string, body: object): Promise<void> {
  const client = await session.client()
  const changed = await client.send<ExportAnswer>('POST', `${path`/exports/${name}`}/${word}`, body)
  session.out.show(changed, () => session.out.line(`${clean(changed.name)} is ${changed.state}.`))
}

function showExport({ out, io }: Session, one: ExportWholeAnswer): void {
  const { status, definition } = one
  const { identifiers, destination } = definition
  const reason = one.stateReason === '' ? '' : `: ${clean(one.stateReason, 1_000)}`
  const by = [
    identifiers.externalIdField === undefined ? [] : [`external id ${identifiers.externalIdField}`],
    identifiers.brazeIdField === undefined ? [] : [`Braze id ${identifiers.brazeIdField}`],
    identifiers.aliasField === undefined
      ? []
      : [`alias ${identifiers.aliasLabel ?? ''} ${identifiers.aliasField}`],
  ].flat()
  out.facts([
    ['name', `${clean(one.name)} (number ${one.number}, version ${one.version})`],
    ['state', `${one.state} since ${moment(one.stateSince)}${reason}`],
    ['audiences', definition.audiences.join(', ')],
    ['by', clean(by.join(', then '))],
    ['moves', `${definition.moves}, existing users ${definition.existingUsers ? 'too' : 'not'}`],
    ['destination', `${clean(destination.kind)} ${clean(JSON.stringify(destination.settings), 500)}`],
    ['leaves', `at ${definition.batchMax} people or after ${span(definition.waitMs)}`],
    [
      'people',
      `${grouped(status.people)}: ${grouped(status.settled)} settled, ${grouped(status.pending)} pending, ${grouped(status.sending)} sending, ${grouped(status.refused)} refused`,
    ],
    ['at the vendor', `${grouped(status.holding)} people have slugs`],
    ['omitted', `${grouped(status.omitted)} moves of people without an identifier`],
    ...(status.over > 0
      ? [
          ['no room', `${grouped(status.over)} people have more slugs than the attribute holds`] as [
            string,
            string,
          ],
        ]
      : []),
    ...(status.walking
      ? [['changing', 'the definition is still being applied to everybody'] as [string, string]]
      : []),
    ...(status.lastFault === null
      ? []
      : [
          [
            'last fault',
            `${status.lastFault.kind}, ${span(Math.max(0, io.now() - status.lastFault.at))} ago: ${clean(status.lastFault.message)}`,
          ] as [string, string],
        ]),
  ])
}

function showPreview({ out }: Session, preview: ExportPreviewAnswer): void {
  out.facts([
    ['in the audiences', `${grouped(preview.members)} people with an identifier`],
    ['omitted', `${grouped(preview.omitted)} without one`],
    ['at the start', `${grouped(preview.people)} people are sent`],
    [
      'cost',
      `${grouped(preview.requests)} requests, ${grouped(preview.dataPoints)} data points, about ${grouped(preview.minutes)} min`,
    ],
    ...(preview.over > 0
      ? [
          ['no room', `${grouped(preview.over)} people have more slugs than the attribute holds`] as [
            string,
            string,
          ],
        ]
      : []),
  ])
}

function showPeople({ out }: Session, { people: shown, next }: ExportPeopleAnswer): void {
  out.table(
    [
      { title: 'KIND' },
      { title: 'IDENTIFIER' },
      { title: 'PROFILE', right: true },
      { title: 'STATE' },
      { title: 'WANTED' },
      { title: 'AT THE VENDOR' },
      { title: 'REASON' },
    ],
    shown.map(({ who, profile, state, wanted, sent, reason }) => [
      who.kind === 'alias' ? `alias ${clean(who.label, 30)}` : who.kind,
      clean(who.value, 60),
      String(profile),
      state,
      wanted.join(', '),
      clean(sent.join(', '), 60),
      clean(reason, 60),
    ]),
    'Nobody.',
  )
  if (next !== null) out.aside(`There are more: --after ${next}`)
}

function showReconciliation({ out }: Session, report: ReconciliationAnswer): void {
  if (report.state === 'failed') {
    out.line(out.colour('red', `It could not be ended: ${clean(report.error, 1_000)}`))
    return
  }
  out.facts([
    ['compared', `${grouped(report.checked)} people; ${grouped(report.unsettled)} are still to be sent`],
    ['missing', `${grouped(report.missing)} people lack a slug that was accepted`],
    ['stale', `${grouped(report.stale)} people have a slug that they should not have`],
    ['unknown', `${grouped(report.unknown)} people are not known to the vendor`],
    ...report.examples.map(({ who, missing, stale }): [string, string] => [
      clean(who.value, 60),
      clean([...missing.map((slug) => `- ${slug}`), ...stale.map((slug) => `+ ${slug}`)].join(' '), 200),
    ]),
  ])
  if (report.repair && report.missing + report.stale > 0) out.aside('The differences are being sent.')
}
