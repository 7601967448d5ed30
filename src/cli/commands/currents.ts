/** currents: list, show, create, launch, pause, resume, revise, delete, check, ledger, events, rehearse. */

import type { Command } from 'commander'
import type { CheckAnswer } from '../../api/checks.ts'
import type { CurrentEventsAnswer, RehearsalAnswer } from '../../api/routes/current-events.ts'
import type { LedgerAnswer } from '../../api/routes/current-state.ts'
import type { CurrentAnswer, VersionAnswer } from '../../api/routes/currents.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, grouped, moment, momentFrom, span, wholeFrom } from '../words.ts'

type Changed = Omit<CurrentAnswer, 'status'>

export function currentCommands(program: Command, session: Session): void {
  const currents = program
    .command('currents')
    .alias('current')
    .description('chosen events on their way to a destination')

  currents
    .command('list')
    .description('all currents')
    .action(async () => {
      const { out } = session
      const answer = await (await session.client()).get<{ currents: CurrentAnswer[] }>('/currents')
      out.show(answer, () =>
        out.table(
          [
            { title: 'NAME' },
            { title: 'STATE' },
            { title: 'DESTINATION' },
            { title: 'SOURCES' },
            { title: 'PENDING', right: true },
            { title: 'VERSION', right: true },
          ],
          answer.currents.map((current) => [
            clean(current.name),
            current.state,
            clean(current.definition.destination.kind),
            clean(current.definition.sources.join(', ')),
            grouped(current.status.pending),
            String(current.version),
          ]),
          'There are no currents yet. Make one: thalweg currents create --help',
        ),
      )
    })

  currents
    .command('show')
    .description('one current: state, numbers, definition')
    .argument('<current>', 'name or number')
    .action(async (which: string) => {
      const current = await (await session.client()).get<CurrentAnswer>(path`/currents/${which}`)
      session.out.show(current, () => showCurrent(session, current))
    })

  currents
    .command('versions')
    .description('what was configured when')
    .argument('<current>', 'name or number')
    .action(async (which: string) => {
      const { out } = session
      const answer = await (await session.client()).get<{ versions: VersionAnswer[] }>(
        path`/currents/${which}/versions`,
      )
      out.show(answer, () =>
        out.table(
          [
            { title: 'VERSION', right: true },
            { title: 'FROM OFFSET', right: true },
            { title: 'MADE' },
            { title: 'NOTE' },
          ],
          answer.versions.map((row) => [
            String(row.version),
            grouped(row.fromOffset),
            moment(row.createdAt),
            clean(row.note),
          ]),
          'There are no versions.',
        ),
      )
    })

  currents
    .command('create')
    .description('make a draft from a definition; nothing flows until it is launched')
    .requiredOption('-f, --file <file>', 'definition as JSON; -: standard input')
    .option('--launch', 'launch it at once, from now')
    .addHelpText('after', EXAMPLE)
    .action(async ({ file, launch }: { file: string; launch?: boolean }) => {
      const client = await session.client()
      let made = await client.send<Changed>('POST', '/currents', await session.readJson(file))
      if (launch) made = await client.send('POST', path`/currents/${made.number}/launch`)
      session.out.show(made, () =>
        session.out.line(
          launch
            ? `Made and launched ${clean(made.name)}.`
            : `Made ${clean(made.name)}, a draft. Test it: thalweg currents check ${clean(made.name)}. Start it: thalweg currents launch ${clean(made.name)}`,
        ),
      )
    })

  currents
    .command('launch')
    .description('start a draft')
    .argument('<current>', 'name or number')
    .option('--from <when>', 'now, earliest (kept), or a time: 2026-11-23T10:00:00Z, 90m, 2h, 3d ago', 'now')
    .action(async (which: string, { from }: { from: string }) => {
      const word = from === 'now' || from === 'earliest'
      const start = word ? from : { timeMs: momentFrom(from, session.io.now()) }
      await act(session, which, 'launch', { from: start })
    })

  currents
    .command('pause')
    .description('stop sending; events wait in the log')
    .argument('<current>', 'name or number')
    .option('--reason <text>', 'why, for those who come later', '')
    .action((which: string, { reason }: { reason: string }) => act(session, which, 'pause', { reason }))

  currents
    .command('resume')
    .description('go on where it stopped')
    .argument('<current>', 'name or number')
    .action((which: string) => act(session, which, 'resume', {}))

  currents
    .command('revise')
    .description('a new version of the definition; a halted current runs again')
    .argument('<current>', 'name or number')
    .requiredOption('-f, --file <file>', 'definition as JSON; -: standard input')
    .option('--note <text>', 'why, for those who come later', '')
    .action(async (which: string, { file, note }: { file: string; note: string }) => {
      const definition = await session.readJson(file)
      const revised = await (await session.client()).send<Changed>('PUT', path`/currents/${which}`, {
        definition,
        note,
      })
      session.out.show(revised, () =>
        session.out.line(`${clean(revised.name)} is now version ${revised.version}, ${revised.state}.`),
      )
    })

  currents
    .command('delete')
    .description('end a current for ever; its ledger and dead letters stay')
    .argument('<current>', 'name or number')
    .option('--yes', 'do not ask')
    .action(async (which: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      const current = await client.get<CurrentAnswer>(path`/currents/${which}`)
      const question = `Delete ${clean(current.name)}, ${current.state}, with ${grouped(current.status.pending)} events pending?`
      if (!(await session.agreed(yes, question))) return session.out.aside('Nothing was changed.')
      await client.remove(path`/currents/${current.number}`)
      session.out.show({ deleted: current.name }, () => session.out.line(`Deleted ${clean(current.name)}.`))
    })

  currents
    .command('check')
    .description('rehearse a write: of a current, or of a definition before it is made')
    .argument('[current]', 'name or number')
    .option('-f, --file <file>', 'definition as JSON; -: standard input')
    .action(async (which: string | undefined, { file }: { file?: string }, command: Command) => {
      if ((which === undefined) === (file === undefined))
        command.error('error: name a current or give a definition with --file', { exitCode: 2 })
      const client = await session.client()
      const answer = await (file === undefined
        ? client.send<CheckAnswer>('POST', path`/currents/${which ?? ''}/check`)
        : client.send<CheckAnswer>('POST', '/currents/check', await session.readJson(file)))
      showCheck(session, answer)
    })

  currents
    .command('ledger')
    .description('outcomes of a current by reason')
    .argument('<current>', 'name or number')
    .option('--from <when>', 'accepted from this minute on')
    .option('--to <when>', 'accepted before this minute')
    .action(async (which: string, { from, to }: { from?: string; to?: string }) => {
      const { out, io } = session
      const answer = await (await session.client()).get<LedgerAnswer>(path`/currents/${which}/ledger`, {
        fromMs: from === undefined ? undefined : momentFrom(from, io.now()),
        toMs: to === undefined ? undefined : momentFrom(to, io.now()),
      })
      out.show(answer, () =>
        out.table(
          [{ title: 'OUTCOME' }, { title: 'REASON' }, { title: 'EVENTS', right: true }],
          answer.totals.map((row) => [row.outcome, clean(row.reason), grouped(row.count)]),
          'The ledger is empty there.',
        ),
      )
    })

  currents
    .command('events')
    .description('the newest events of a current, and what became of them')
    .argument('<current>', 'name or number')
    .option('--type <pattern>', 'only these types')
    .option('--selected', 'only what it selects')
    .option('--limit <n>', 'at most so many', wholeFrom(1, 200), 20)
    .action(
      async (which: string, { type, selected, limit }: { type?: string; selected?: true; limit: number }) => {
        const { out } = session
        const answer = await (await session.client()).get<CurrentEventsAnswer>(
          path`/currents/${which}/events`,
          {
            type,
            selected,
            limit,
          },
        )
        out.show(answer, () =>
          out.table(
            [
              { title: 'ACCEPTED' },
              { title: 'TYPE' },
              { title: 'OUTCOME' },
              { title: 'WHY' },
              { title: 'ID' },
            ],
            answer.events.map(({ receivedAt, type: name, fate, id, offset }) => [
              moment(receivedAt),
              clean(name),
              fate.outcome,
              clean(whyOf(fate)),
              id === '' ? `record ${offset}` : clean(id),
            ]),
            'Nothing of its sources is kept there.',
          ),
        )
      },
    )

  currents
    .command('rehearse')
    .description(
      'what a current, or another definition of it, would do with the newest events; nothing is sent',
    )
    .argument('<current>', 'name or number')
    .option('-f, --file <file>', 'definition as JSON, compared with the current as it is; -: standard input')
    .option('--records <n>', 'look at so many', wholeFrom(1, 5_000), 1_000)
    .action(async (which: string, { file, records }: { file?: string; records: number }) => {
      const client = await session.client()
      const answer = await (file === undefined
        ? client.get<RehearsalAnswer>(path`/currents/${which}/rehearsal`, { records })
        : client.send<RehearsalAnswer>('POST', '/currents/rehearse', {
            definition: await session.readJson(file),
            against: which,
            records,
          }))
      session.out.show(answer, () => showRehearsal(session, answer))
    })
}

function whyOf(fate: CurrentEventsAnswer['events'][number]['fate']): string {
  if (fate.outcome === 'delivered') return `answered ${fate.batch.status}`
  return fate.outcome === 'filtered' || fate.outcome === 'dead' ? fate.reason : ''
}

function showRehearsal({ out }: Session, answer: RehearsalAnswer): void {
  const { records, sent, unsent, changes, samples } = answer
  const others = unsent.map(({ reason, count }) => `${grouped(count)} ${clean(reason)}`).join(', ')
  out.line(
    `Of ${grouped(records)} events, ${grouped(sent)} would be sent${others === '' ? '' : `; not: ${others}`}.`,
  )
  if (changes !== null)
    out.line(
      `Beside the current as it is: ${grouped(changes.added)} more, ${grouped(changes.removed)} fewer, ${grouped(changes.different)} different, ${grouped(changes.same)} the same.`,
    )
  const sample = samples.find(({ reason }) => reason === null)
  if (sample === undefined) return
  out.line(`As it came: ${clean(sample.raw, 2_000)}`)
  out.line(`As the destination sees it: ${clean(JSON.stringify(sample.mapped), 2_000)}`)
}

export function showCheck(session: Session, answer: CheckAnswer): void {
  const { out } = session
  if (!answer.ok) session.exitCode = 1
  out.show(answer, () => {
    out.line(
      answer.ok ? out.colour('green', answer.message) : out.colour('red', clean(answer.message, 2_000)),
    )
    if (answer.fault !== null)
      out.line(`Fault: ${answer.fault}${answer.status ? `, status ${answer.status}` : ''}`)
    if (answer.answer) out.line(`Answer: ${clean(answer.answer, 500)}`)
  })
}

async function act(session: Session, which: string, word: string, body: object): Promise<void> {
  const client = await session.client()
  const changed = await client.send<Changed>('POST', `${path`/currents/${which}`}/${word}`, body)
  session.out.show(changed, () => session.out.line(`${clean(changed.name)} is ${changed.state}.`))
}

function showCurrent({ out }: Session, current: CurrentAnswer): void {
  const { status, definition } = current
  const { sinceStart, lastFault } = status
  const reason = current.stateReason === '' ? '' : `: ${clean(current.stateReason, 1_000)}`
  out.facts([
    ['name', `${clean(current.name)} (number ${current.number}, version ${current.version})`],
    ['state', `${current.state}${reason}, since ${moment(current.stateSince)}`],
    ['contact', clean(definition.contactEmail)],
    ['sources', clean(definition.sources.join(', '))],
    ['selection', clean(selectionOf(definition.selection), 500)],
    [
      'destination',
      clean(`${definition.destination.kind} ${JSON.stringify(definition.destination.settings)}`, 500),
    ],
    ['authorization', clean(definition.destination.authorization ?? '–')],
    [
      'since start',
      `${grouped(sinceStart.delivered)} delivered, ${grouped(sinceStart.filtered)} filtered, ${grouped(sinceStart.dead)} dead, in ${grouped(sinceStart.requests)} requests`,
    ],
    [
      'pending',
      `${grouped(status.pending)}${status.lagMs > 0 ? `, the oldest ${span(status.lagMs)} old` : ''}`,
    ],
    ['gate', `${status.gate}${status.retryAt === null ? '' : `, tried again at ${moment(status.retryAt)}`}`],
    [
      'last fault',
      lastFault === null
        ? '–'
        : clean(`${moment(lastFault.at)} ${lastFault.kind}: ${lastFault.message}`, 1_000),
    ],
  ])
}

function selectionOf({ include, exclude }: CurrentAnswer['definition']['selection']): string {
  return exclude.length === 0 ? include.join(', ') : `${include.join(', ')} without ${exclude.join(', ')}`
}

const EXAMPLE = `
A definition:
  {
    "name": "opens-to-segment",
    "contactEmail": "data-team@example.com",
    "sources": ["braze"],
    "selection": { "include": ["channel:email"] },
    "destination": { "kind": "segment", "settings": { "region": "us" }, "authorization": "auth_…" }
  }
Kinds of destinations and their settings: thalweg catalog destinations`
