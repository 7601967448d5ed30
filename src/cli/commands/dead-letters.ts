/** dead-letters: list, show, edit, redrive, discard. */

import type { Command } from 'commander'
import type { ManyAnswer } from '../../api/letter-bulk.ts'
import type { DeadLetterAnswer, DeadLetterSummary } from '../../api/routes/dead-letters.ts'
import { path } from '../../core/api-path.ts'
import type { Query } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, cleanLines, grouped, moment, wholeFrom } from '../words.ts'

interface FilterOptions {
  readonly current?: string
  readonly reason?: string
  readonly type?: string
  readonly event?: string
}

interface ManyOptions extends FilterOptions {
  readonly limit: number
  readonly note?: string
  readonly yes?: boolean
}

interface Page {
  readonly deadLetters: readonly DeadLetterSummary[]
  readonly next: string | null
}

const MANY_DEFAULT = 1_000
const MANY_MAX = 10_000

export function deadLetterCommands(program: Command, session: Session): void {
  const group = program
    .command('dead-letters')
    .alias('dead-letter')
    .description('records that a current could not deliver')

  filtered(group.command('list'))
    .description('dead letters, newest first')
    .option('--state <state>', 'dead, queued, delivered or discarded')
    .option('--limit <n>', 'at most so many', wholeFrom(1, 500), 50)
    .option('--cursor <cursor>', 'where the page before ended')
    .action(async (options: FilterOptions & { state?: string; limit: number; cursor?: string }) => {
      const { out } = session
      const { state, limit, cursor } = options
      const query: Query = { ...queryOf(options), state, limit, cursor }
      const page = await (await session.client()).get<Page>('/dead-letters', query)
      out.show(page, () => {
        out.table(
          [
            { title: 'ID' },
            { title: 'CURRENT' },
            { title: 'EVENT' },
            { title: 'TYPE' },
            { title: 'STATE' },
            { title: 'STATUS', right: true },
            { title: 'MESSAGE' },
          ],
          page.deadLetters.map((letter) => [
            letter.id,
            clean(letter.current ?? `number ${letter.currentNumber}`),
            clean(letter.eventId, 40),
            clean(letter.eventType, 40),
            letter.edited ? `${letter.state}, edited` : letter.state,
            letter.status === 0 ? '–' : String(letter.status),
            clean(letter.message, 60),
          ]),
          'There are no dead letters.',
        )
        if (page.next !== null) out.line(`More: --cursor ${page.next}`)
      })
    })

  group
    .command('show')
    .description('one dead letter: the event, what was sent, what came back')
    .argument('<id>', 'id')
    .action(async (id: string) => {
      const letter = await (await session.client()).get<DeadLetterAnswer>(path`/dead-letters/${id}`)
      session.out.show(letter, () => showLetter(session, letter))
    })

  group
    .command('edit')
    .description('change the event that a redrive will send')
    .argument('<id>', 'id')
    .option('-f, --file <file>', 'the event as JSON; -: standard input', '-')
    .option('--undo', 'take the change back')
    .action(async (id: string, { file, undo }: { file: string; undo?: boolean }) => {
      // As text: numbers keep the digits that they were written with.
      const event = undo ? null : (await session.readText(file)).trim()
      const letter = await (await session.client()).send<DeadLetterAnswer>(
        'PUT',
        path`/dead-letters/${id}/event`,
        { event },
      )
      session.out.show(letter, () =>
        session.out.line(
          undo ? 'The change is taken back.' : `Changed. Send it: thalweg dead-letters redrive ${letter.id}`,
        ),
      )
    })

  filtered(many(group.command('redrive')))
    .description('send letters again: those named, or all dead ones that match')
    .option('--note <text>', 'why, for those who come later', '')
    .action((ids: readonly string[], options: ManyOptions, command: Command) =>
      changeMany(session, command, { ids, options, word: 'redrive', done: 'on their way again' }),
    )

  filtered(many(group.command('discard')))
    .description('set letters aside for good: those named, or all dead ones that match')
    .requiredOption('--note <text>', 'why')
    .action((ids: readonly string[], options: ManyOptions, command: Command) =>
      changeMany(session, command, { ids, options, word: 'discard', done: 'discarded' }),
    )
}

function filtered(command: Command): Command {
  return command
    .option('--current <current>', 'of this current')
    .option('--reason <reason>', 'with this reason')
    .option('--type <type>', 'of this event type')
    .option('--event <id>', 'with this event id')
}

function many(command: Command): Command {
  return command
    .argument('[ids...]', 'ids of letters')
    .option('--limit <n>', 'with a filter: at most so many', wholeFrom(1, MANY_MAX), MANY_DEFAULT)
    .option('--yes', 'with a filter: do not ask')
}

function queryOf({ current, reason, type, event }: FilterOptions): Query {
  return { current, reason, eventType: type, eventId: event }
}

interface Change {
  readonly ids: readonly string[]
  readonly options: ManyOptions
  readonly word: 'redrive' | 'discard'
  readonly done: string
}

async function changeMany(session: Session, command: Command, change: Change): Promise<void> {
  const { out } = session
  const { ids, options, word, done } = change
  const filter = queryOf(options)
  const byFilter = Object.values(filter).some((value) => value !== undefined)
  if (ids.length > 0 === byFilter)
    command.error('error: name letters, or choose them with --current, --reason, --type or --event', {
      exitCode: 2,
    })
  const client = await session.client()
  const where = `/dead-letters/${word}`
  const chosen = byFilter ? { filter, limit: options.limit } : { ids }
  const body = { ...chosen, note: options.note ?? '' }
  if (byFilter) {
    const { matched, left } = await client.send<ManyAnswer>('POST', where, { ...body, preview: true })
    const which = left === 0 ? 'letters' : `letters of the ${grouped(matched + left)} that match`
    if (matched > 0 && !(await session.agreed(options.yes, `${grouped(matched)} ${which}: ${word} them?`)))
      return out.aside('Nothing was changed.')
  }
  const answer = await client.send<ManyAnswer>('POST', where, body)
  if (answer.refused.length > 0) session.exitCode = 1
  out.show(answer, () => {
    out.line(`${grouped(answer.changed)} of ${grouped(answer.matched)} letters are ${done}.`)
    if (answer.left > 0) out.line(`${grouped(answer.left)} more match: say the same again, or raise --limit.`)
    for (const refusal of answer.refused) out.line(out.colour('red', clean(refusal.message)))
  })
}

function showLetter({ out }: Session, letter: DeadLetterAnswer): void {
  out.facts([
    ['id', letter.id],
    ['current', clean(letter.current ?? `number ${letter.currentNumber}`)],
    ['event', clean(`${letter.eventId} ${letter.eventType}`)],
    ['accepted', `${moment(letter.receivedAt)} at offset ${letter.offset}`],
    ['state', `${letter.state}, ${grouped(letter.attempts)} attempts`],
    ['fault', clean(`${letter.fault}: ${letter.message}`, 1_000)],
    ['status', letter.status === 0 ? '–' : String(letter.status)],
    ['note', clean(letter.note, 1_000) || '–'],
  ])
  section('Event', letter.event)
  if (letter.editedEvent !== null) section('Changed to', letter.editedEvent)
  section('Sent', letter.sent)
  section('Answer', letter.answer)

  function section(title: string, text: string): void {
    out.line(`\n${out.colour('bold', title)}`)
    out.line(cleanLines(pretty(text)))
  }
}

/** JSON on several lines; anything else as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text // an answer need not be JSON
  }
}
