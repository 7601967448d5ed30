/** init, validate, plan, diff, apply, export, applies: objects as files in a folder. */

import { join } from 'node:path'
import type { Command } from 'commander'
import type { ApplyAnswer, ConfigurationAnswer, PlanAnswer } from '../../api/routes/configuration.ts'
import { checkDocuments } from '../../config/check.ts'
import {
  type FileProblem,
  inReadingOrder,
  placed,
  type ReadFolder,
  readFolder,
  SCHEMAS_FOLDER,
  secretsFor,
  writeFolder,
  writeIfOther,
  writeSchemas,
} from '../../config/folder.ts'
import type { Problem } from '../../config/problems.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Client } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, cleanLines, grouped, moment, wholeFrom } from '../words.ts'

type StepAnswer = PlanAnswer['steps'][number]

const FOLDER_DEFAULT = 'thalweg'
const FOLDER_WORDS = 'folder of YAML files'

export function configurationCommands(program: Command, session: Session): void {
  offline(program, session)
  asking(program, session)
  changing(program, session)
}

function offline(program: Command, session: Session): void {
  program
    .command('init')
    .description(
      'begin a folder of configuration: schemas for editors, a word of explanation, a first file to fill in',
    )
    .argument('[folder]', FOLDER_WORDS, FOLDER_DEFAULT)
    .action(async (folder: string) => {
      await writeSchemas(folder)
      const made: string[] = []
      for (const [file, text] of FIRST_FILES) {
        const { documents, files } = await readFolder(folder)
        // What is there is somebody's.
        if (file !== 'README.md' && (documents.length > 0 || files.length > 0)) continue
        if (await writeIfOther(join(folder, file), text)) made.push(file)
      }
      session.out.show({ folder, made }, () => {
        session.out.line(
          `${folder} has the schemas that editors complete by (${SCHEMAS_FOLDER})${made.length === 0 ? '' : `, ${made.join(' and ')}`}.`,
        )
        session.out.aside(`What the hub has becomes files by: thalweg export ${folder}`)
      })
    })

  program
    .command('validate')
    .description('whether files hold together, without a hub: everything that is wrong, with its place')
    .argument('[folder]', FOLDER_WORDS, FOLDER_DEFAULT)
    .option('--partial', 'what the files name may be in a hub only')
    .action(async (folder: string, { partial = false }: { partial?: boolean }) => {
      const read = await readFolder(folder)
      const { problems } = checkDocuments(
        read.documents.map(({ value }) => value),
        { partial },
      )
      const all = inReadingOrder([...read.problems, ...placed(problems, read.documents)])
      if (all.length > 0) return refused(session, all)
      session.out.show({ documents: read.documents.length, problems: [] }, () =>
        session.out.line(
          read.documents.length === 0
            ? `There are no documents in ${folder} yet. What the hub has becomes files by: thalweg export ${folder}`
            : `${grouped(read.documents.length)} documents in ${grouped(read.files.length)} files hold together.`,
        ),
      )
    })
}

function asking(program: Command, session: Session): void {
  program
    .command('plan')
    .description(
      'what an apply would do to the hub, field by field, and what that brings about; nothing is changed',
    )
    .argument('[folder]', FOLDER_WORDS, FOLDER_DEFAULT)
    .option(
      '--events <count>',
      'rehearse over so many of the newest kept events, at most 5,000',
      wholeFrom(1, 5_000),
      1_000,
    )
    .option('--no-effects', 'do not rehearse what changes bring about')
    .option('--all', 'also what stays as it is')
    .action(async (folder: string, options: { events: number; effects: boolean; all?: boolean }) => {
      const asked = await given(session, folder)
      if (asked === undefined) return
      const plan = await planned(session, asked, {
        effects: options.effects,
        events: options.events,
      })
      if (plan === undefined) return
      session.out.show(plan, () => showPlan(session, plan, options.all ?? false))
    })

  program
    .command('diff')
    .description('in what files and hub differ, and who changed it; exit code 1 if they do')
    .argument('[folder]', FOLDER_WORDS, FOLDER_DEFAULT)
    .action(async (folder: string) => {
      const asked = await given(session, folder)
      if (asked === undefined) return
      const plan = await planned(session, asked, { effects: false, events: 1 })
      if (plan === undefined) return
      const moving = plan.steps.filter(({ action }) => action !== 'keep')
      if (moving.length > 0) session.exitCode = 1
      session.out.show({ steps: moving, others: plan.others }, () => showPlan(session, plan, false))
    })

  program
    .command('applies')
    .description('what was applied when, and by whom')
    .argument('[number]', 'one of them, step by step', wholeFrom(1, 2_147_483_647))
    .action(async (number: number | undefined) => {
      const client = await session.client()
      if (number !== undefined) {
        const apply = await client.get<ApplyAnswer>(`/config/applies/${number}`)
        return session.out.show(apply, () => showApply(session, apply))
      }
      const answer = await client.get<{ applies: ApplyAnswer[] }>('/config/applies')
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'APPLY', right: true },
            { title: 'AT' },
            { title: 'STATE' },
            { title: 'STEPS', right: true },
            { title: 'BY' },
            { title: 'NOTE' },
          ],
          answer.applies.map(({ number: n, startedAt, state, steps, by, note }) => [
            String(n),
            moment(startedAt),
            state,
            grouped(steps.filter(({ outcome }) => outcome === 'done').length),
            clean(by),
            clean(note, 60),
          ]),
          'Nothing was applied yet: thalweg apply',
        ),
      )
    })
}

interface ApplyFlags {
  readonly yes?: boolean
  readonly remove?: boolean
  readonly acceptDrift?: boolean
  readonly note: string
  readonly effects: boolean
}

function changing(program: Command, session: Session): void {
  program
    .command('apply')
    .description('bring about what the files say, after showing it; safe to run again')
    .argument('[folder]', FOLDER_WORDS, FOLDER_DEFAULT)
    .option('--yes', 'do not ask')
    .option('--remove', 'remove what was applied before and has no document any more')
    .option('--accept-drift', 'overwrite what somebody changed elsewhere since the last apply')
    .option('--note <text>', 'why; goes into the history of each object', '')
    .option('--no-effects', 'do not rehearse what changes bring about')
    .action(async (folder: string, flags: ApplyFlags) => {
      const asked = await given(session, folder)
      if (asked === undefined) return
      const { yes, remove = false, acceptDrift = false, note, effects } = flags
      const plan = await planned(session, asked, {
        effects: effects && !session.out.forPrograms,
        events: 1_000,
      })
      if (plan === undefined) return
      if (!session.out.forPrograms) showPlan(session, plan, false)
      const moving = plan.steps.filter(({ action }) => action !== 'keep' && (action !== 'remove' || remove))
      // Asked for nothing, it still notes what files and hub agree on; nobody needs to be asked for that.
      const isAgreed =
        moving.length === 0 || (await session.agreed(yes, `Apply ${counted(moving.length, 'change')}?`))
      if (!isAgreed) return session.out.aside('Nothing was changed.')
      const apply = await applied(session, asked.client, {
        ...asked.body,
        digest: plan.digest,
        remove,
        acceptDrift,
        note,
      })
      session.out.show(apply, () => showApply(session, apply))
    })

  program
    .command('export')
    .description('write what the hub has into files; what they say already stays as it is')
    .argument('[folder]', FOLDER_WORDS, FOLDER_DEFAULT)
    .option('--prune', 'remove documents of objects that the hub does not have')
    .action(async (folder: string, { prune = false }: { prune?: boolean }) => {
      const { documents } = await (await session.client()).get<ConfigurationAnswer>('/config')
      const objects = documents.map(({ object, name, document }) => ({ kind: object, name, body: document }))
      const { made, changed, same, foreign } = await writeFolder(folder, objects, prune)
      session.out.show({ folder, made, changed, same, foreign }, () => {
        const { out } = session
        for (const file of made) out.line(`${out.colour('green', 'made')}     ${clean(join(folder, file))}`)
        for (const file of changed)
          out.line(`${out.colour('yellow', 'changed')}  ${clean(join(folder, file))}`)
        out.line(
          `${counted(documents.length, 'object')}: ${made.length} new, ${changed.length} files changed, ${same} as they were.`,
        )
        if (foreign.length > 0 && !prune)
          out.aside(
            `The hub does not have ${foreign.map(({ object, name }) => clean(`${object} ${name}`)).join(', ')}: apply them, or remove their documents with --prune.`,
          )
        else if (made.length > 0) out.aside(`See that nothing would change: thalweg plan ${folder}`)
      })
    })
}

interface Given {
  readonly client: Client
  readonly read: ReadFolder
  readonly body: {
    readonly documents: readonly unknown[]
    readonly secrets: Readonly<Record<string, string>>
  }
}

/** What is to be asked of the hub; undefined: the files do not hold together, and it was said why. */
async function given(session: Session, folder: string): Promise<Given | undefined> {
  const read = await readFolder(folder)
  const documents = read.documents.map(({ value }) => value)
  const { problems } = checkDocuments(documents, { partial: true })
  const all = inReadingOrder([...read.problems, ...placed(problems, read.documents)])
  if (all.length > 0) {
    refused(session, all)
    return undefined
  }
  const secrets = Object.fromEntries(await secretsFor(read.documents, folder, session.io.env))
  return { client: await session.client(), read, body: { documents, secrets } }
}

/** undefined: the hub does not take the documents, and it was said why. */
async function planned(
  session: Session,
  { client, read, body }: Given,
  options: { readonly effects: boolean; readonly events: number },
): Promise<PlanAnswer | undefined> {
  try {
    return await client.send<PlanAnswer>('POST', '/config/plan', { ...body, ...options })
  } catch (error) {
    const problems = problemsIn(error)
    if (problems === undefined) throw error
    refused(session, inReadingOrder(placed(problems, read.documents)))
    return undefined
  }
}

/** Throws what the hub refuses, after showing how far it came. */
async function applied(session: Session, client: Client, body: object): Promise<ApplyAnswer> {
  try {
    return await client.send<ApplyAnswer>('POST', '/config/apply', body)
  } catch (error) {
    const report =
      error instanceof ThalwegError && error.code === 'CONFIG_FAILED'
        ? (error.details as { apply?: ApplyFailure } | undefined)?.apply
        : undefined
    if (report !== undefined && !session.out.forPrograms)
      showApply(session, {
        ...report,
        steps: report.steps.map(({ kind, ...step }) => ({ object: kind, ...step })),
      })
    throw error
  }
}

/** As the room tells it. */
type ApplyFailure = Omit<ApplyAnswer, 'steps'> & {
  readonly steps: readonly (Omit<ApplyAnswer['steps'][number], 'object'> & {
    kind: ApplyAnswer['steps'][number]['object']
  })[]
}

function problemsIn(error: unknown): readonly Problem[] | undefined {
  if (!(error instanceof ThalwegError) || error.code !== 'CONFIG_INVALID') return undefined
  return (error.details as { problems?: readonly Problem[] } | undefined)?.problems
}

function refused(session: Session, problems: readonly FileProblem[]): void {
  const { out } = session
  session.exitCode = 1
  out.show({ problems }, () => {
    for (const { file, line, column, field, problem, remedy } of problems) {
      out.line(
        `${out.colour('bold', clean(`${file}:${line}:${column}`))}${field === '' ? '' : ` ${out.colour('cyan', clean(field))}`}`,
      )
      out.line(`    ${cleanLines(problem)}`)
      if (remedy !== '') out.line(`    ${out.colour('dim', cleanLines(remedy))}`)
    }
    out.aside(`${counted(problems.length, 'problem')}. Nothing was changed.`)
  })
}

const SIGNS = {
  create: ['green', '+'],
  change: ['yellow', '~'],
  remove: ['red', '-'],
  keep: ['dim', ' '],
} as const

function showPlan({ out }: Session, { steps, others }: PlanAnswer, withKept: boolean): void {
  for (const step of steps) {
    if (step.action === 'keep' && !withKept) continue
    const [colour, sign] = SIGNS[step.action]
    out.line(out.colour(colour, `${sign} ${clean(`${step.object} ${step.name}`)}`))
    for (const { field, before, after } of step.differences) showDifference(out, field, before, after)
    if (step.drift !== null) {
      out.line(`    ${out.colour('red', `drift: it ${clean(step.drift.words)}, elsewhere`)}`)
      for (const { field, before, after } of step.drift.differences)
        out.line(out.colour('dim', `      ${clean(field)}: ${told(before)} became ${told(after)}`))
    }
    for (const words of step.effect?.words ?? [])
      out.line(`    ${out.colour('cyan', '→')} ${clean(words, 1_000)}`)
    for (const reference of step.missing)
      out.line(`    ${out.colour('red', `missing: ${clean(reference)} is not set here`)}`)
    for (const note of step.notes) out.line(out.colour('dim', `    ${clean(note, 500)}`))
  }
  const counts = countsOf(steps)
  if (counts.create + counts.change + counts.remove > 0) out.line()
  out.line(
    `${counts.create} to create, ${counts.change} to change, ${counts.remove} to remove, ${counts.keep} as they are.`,
  )
  if (counts.remove > 0) out.aside('Nothing is removed without --remove.')
  if (steps.some(({ drift }) => drift !== null))
    out.aside('Drift is not overwritten without --accept-drift; thalweg export takes it into the files.')
  if (others.length > 0)
    out.aside(
      `In the hub only, and left alone: ${others
        .slice(0, OTHERS_SHOWN_MAX)
        .map(({ object, name }) => clean(`${object} ${name}`))
        .join(
          ', ',
        )}${others.length > OTHERS_SHOWN_MAX ? ` and ${others.length - OTHERS_SHOWN_MAX} more` : ''}.`,
    )
}

const OTHERS_SHOWN_MAX = 8
const LINES_SHOWN_MAX = 40

function showDifference(out: Session['out'], field: string, before: unknown, after: unknown): void {
  const texts = [before, after].map((value) => (typeof value === 'string' ? value.split('\n') : undefined))
  const [was, is] = texts
  if (was === undefined || is === undefined || Math.max(was.length, is.length) === 1) {
    out.line(
      `    ${clean(field)}: ${before === undefined ? '' : `${told(before)} → `}${after === undefined ? 'taken out' : told(after)}`,
    )
    return
  }
  let first = 0
  while (first < Math.min(was.length, is.length) && was[first] === is[first]) first++
  let last = 0
  while (last < Math.min(was.length, is.length) - first && was.at(-1 - last) === is.at(-1 - last)) last++
  out.line(`    ${clean(field)}, from line ${first + 1}:`)
  const shown = (sign: string, colour: 'red' | 'green', lines: readonly string[]): void => {
    for (const line of lines.slice(0, LINES_SHOWN_MAX))
      out.line(out.colour(colour, `      ${sign} ${clean(line)}`))
    if (lines.length > LINES_SHOWN_MAX) out.line(`      … ${lines.length - LINES_SHOWN_MAX} more lines`)
  }
  shown('-', 'red', was.slice(first, was.length - last))
  shown('+', 'green', is.slice(first, is.length - last))
}

function told(value: unknown): string {
  return value === undefined ? 'nothing' : clean(JSON.stringify(value), 160)
}

function countsOf(steps: readonly StepAnswer[]): Record<StepAnswer['action'], number> {
  const counts = { create: 0, change: 0, remove: 0, keep: 0 }
  for (const { action } of steps) counts[action]++
  return counts
}

function showApply({ out }: Session, { number, state, steps, note }: ApplyAnswer): void {
  for (const { object, name, action, outcome, message } of steps) {
    const colour = outcome === 'done' ? 'green' : outcome === 'failed' ? 'red' : 'dim'
    out.line(`${out.colour(colour, outcome.padEnd(11))}  ${action} ${clean(`${object} ${name}`)}`)
    if (message !== '') out.line(`             ${clean(message, 1_000)}`)
  }
  const done = steps.filter(({ outcome }) => outcome === 'done').length
  out.line(
    state === 'done'
      ? `Apply ${number}: ${done === 0 ? 'there was nothing to do' : counted(done, 'change')}.${note === '' ? '' : ` ${clean(note)}`}`
      : `Apply ${number} ${state === 'failed' ? 'stopped' : 'is under way, or was cut off'}: ${done} of ${steps.length} done.`,
  )
}

function counted(n: number, word: string): string {
  return n === 1 ? `1 ${word}` : `${grouped(n)} ${word}s`
}

const FIRST_FILES: readonly (readonly [file: string, text: string])[] = [
  [
    'README.md',
    `# Configuration of Thalweg

Each file describes one object, or several parted by \`---\`. Secrets are never written here, only where they lie: \`env:NAME\` or \`file:path\`.

    thalweg export .      # what the hub has, as files
    thalweg validate .    # without a hub
    thalweg plan .        # what would change, and what that brings about
    thalweg apply .       # change it
    thalweg diff .        # what was changed elsewhere since

Editors with a YAML language server complete and check by the schemas in \`${SCHEMAS_FOLDER}\`.
`,
  ],
  [
    'currents/example.yaml',
    `# yaml-language-server: $schema=../${SCHEMAS_FOLDER}/current.json
# Take the # away, from "object" on, and fill in; or remove the file and begin with thalweg export.
#
# object: current
# name: orders
# contactEmail: you@example.com
# sources: [braze]
# selection:
#   include: [channel:email]
# destination:
#   kind: http
#   settings:
#     url: https://example.com/events
# state: running
`,
  ],
]
