/** erase, erasures: take a person out of every store, after a look at what that is. */

import { writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { ErasureAnswer, ErasurePlanAnswer, ReceiptVerdictAnswer } from '../../api/routes/erasures.ts'
import { path } from '../../core/api-path.ts'
import { ThalwegError } from '../../core/errors.ts'
import { SUBJECT_KINDS, type SubjectIdentifier, type SubjectKind } from '../../core/traces.ts'
import type { Client } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, collected, grouped, moment } from '../words.ts'

interface EraseOptions {
  readonly dryRun?: boolean
  readonly exact?: boolean
  readonly mayReturn?: boolean
  readonly braze?: readonly string[]
  readonly note?: string
  readonly receipt?: string
  readonly yes?: boolean
  readonly detach?: boolean
}

const POLL_MS = 500

const ABOUT = `
An identifier is <kind>:<value>, with one of the kinds ${SUBJECT_KINDS.join(', ')};
an alias is alias:<label>=<name>. Without a kind, what has an @ is an email, and anything else an external id.

What was erased cannot be brought back.`

export function erasureCommands(program: Command, session: Session): void {
  program
    .command('erase')
    .description('take a person out of every store, with a signed receipt')
    .argument('<identifiers...>', 'by which they are known')
    .option('--dry-run', 'show who is meant and where they are, and change nothing')
    .option('--exact', 'these identifiers only, without what is joined with them')
    .option('--may-return', 'do not keep out what comes in later')
    .option(
      '--braze <authorization>',
      'delete the users at Braze, too, with this REST key; may be repeated',
      collected,
    )
    .option('--note <text>', 'why', '')
    .option('--receipt <file>', 'write the receipt with its signature to this file')
    .option('--yes', 'do not ask')
    .option('--detach', 'do not wait for its end')
    .addHelpText('after', ABOUT)
    .action((texts: string[], options: EraseOptions) => erase(session, texts, options))

  const group = program.command('erasures').alias('erasure').description('persons that were erased')
  reading(group, session)

  group
    .command('verify')
    .description('whether a receipt says what was signed, and by whom')
    .argument('<file>', 'with the members receipt and signature, as erase --receipt writes it')
    .action(async (file: string) => {
      const { receipt, signature } = (await session.readJson(file)) as Record<string, unknown>
      const client = await session.client()
      const body = { receipt, signature }
      const answer = await client.send<ReceiptVerdictAnswer>('POST', '/erasures/verify', body)
      session.out.show(answer, () => session.out.line(`The receipt is ${answer.verdict}.`))
      if (answer.verdict === 'not as it was signed') session.exitCode = 1
    })

  group
    .command('addendum')
    .description('what a node signed that was away when the receipt was written')
    .argument('<erasure>', 'id')
    .argument('<node>', 'name')
    .argument('<file>', 'for the addendum with its signature, as verify takes it')
    .action(async (id: string, name: string, file: string) => {
      const { nodes } = await (await session.client()).get<ErasureAnswer>(path`/erasures/${id}`)
      const { addendum: receipt, signature } = nodes.find(({ node }) => node === name) ?? {}
      if (receipt === undefined)
        throw new ThalwegError(
          'INPUT_INVALID',
          `Node ${name} signed no addendum to ${id}: see erasures show ${id}`,
        )
      await writeFile(file, `${JSON.stringify({ receipt, signature }, null, 2)}\n`)
      session.out.show({ receipt, signature }, () => session.out.line(`Wrote ${clean(file)}.`))
    })

  group
    .command('lift')
    .description('let records of the erased person in again, as those of somebody new')
    .argument('<erasure>', 'id')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes }: { yes?: boolean }) => {
      if (!(await session.agreed(yes, 'Let them in again?'))) return session.out.aside('Nothing was changed.')
      const client = await session.client()
      const answer = await client.send<{ lifted: number }>('POST', path`/erasures/${id}/lift`)
      session.out.show(answer, () =>
        session.out.line(`${grouped(answer.lifted)} spellings are not kept out any more.`),
      )
    })
}

function reading(group: Command, session: Session): void {
  group
    .command('list')
    .description('all erasures, newest first')
    .action(async () => {
      const answer = await (await session.client()).get<{ erasures: ErasureAnswer[] }>('/erasures')
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'ID' },
            { title: 'STATE' },
            { title: 'STEP' },
            { title: 'ASKED FOR' },
            { title: 'BY' },
            { title: 'NOTE' },
          ],
          answer.erasures.map(({ id, state, step, nodes, createdAt, requestedBy, note }) => [
            id,
            state,
            state === 'finished' ? openNodes(nodes) : step,
            moment(createdAt),
            clean(requestedBy),
            clean(note, 60),
          ]),
          'Nobody was erased. See what would be: thalweg erase <identifier> --dry-run',
        ),
      )
    })

  group
    .command('show')
    .description('one erasure, with its receipt')
    .argument('<erasure>', 'id')
    .action(async (id: string) => {
      const erasure = await (await session.client()).get<ErasureAnswer>(path`/erasures/${id}`)
      session.out.show(erasure, () => showErasure(session, erasure))
    })
}

async function erase(session: Session, texts: readonly string[], options: EraseOptions): Promise<void> {
  const { out } = session
  const client = await session.client()
  const who = { identifiers: texts.map(identifierFrom), expand: options.exact !== true }
  if (options.dryRun || !options.yes) {
    const plan = await client.send<ErasurePlanAnswer>('POST', '/erasures/plan', who)
    if (options.dryRun) return out.show(plan, () => showPlan(session, plan))
    if (!out.forPrograms) showPlan(session, plan)
    if (!(await session.agreed(false, 'Erase all of this? It cannot be undone.')))
      return out.aside('Nothing was erased.')
  }
  const wish = {
    ...who,
    suppress: options.mayReturn !== true,
    targets: options.braze ?? [],
    note: options.note ?? '',
  }
  const begun = await client.send<ErasureAnswer>('POST', '/erasures', wish)
  const erasure = options.detach ? begun : await followed(session, client, begun)
  const { receipt, signature } = erasure
  if (options.receipt !== undefined && receipt !== undefined)
    await writeFile(options.receipt, `${JSON.stringify({ receipt, signature }, null, 2)}\n`)
  out.show(erasure, () => showErasure(session, erasure))
  if (receipt !== undefined && receipt.search.remaining.length > 0) session.exitCode = 1
}

/** Waits for the end. Ctrl-C ends the waiting, not the erasure. */
async function followed(session: Session, client: Client, begun: ErasureAnswer): Promise<ErasureAnswer> {
  const { out, io } = session
  let erasure = begun
  let said = ''
  while (erasure.state !== 'finished') {
    const words = erasure.problem === '' ? erasure.step : `${erasure.step}: ${clean(erasure.problem, 500)}`
    if (words !== said && out.live) out.aside(words)
    said = words
    if (!(await io.pause(POLL_MS))) break
    erasure = await client.get<ErasureAnswer>(path`/erasures/${begun.id}`)
  }
  return erasure
}

/** Throws InvalidArgumentError. */
export function identifierFrom(text: string): SubjectIdentifier {
  const colon = text.indexOf(':')
  const kind = SUBJECT_KINDS.find((one) => one === text.slice(0, Math.max(0, colon)))
  const value = kind === undefined ? text : text.slice(colon + 1)
  const meant: SubjectKind = kind ?? (text.includes('@') ? 'email' : 'external_id')
  if (value === '') throw new InvalidArgumentError(`${text} has no value.`)
  if (meant !== 'alias') return { kind: meant, label: '', value }
  const equals = value.indexOf('=')
  if (equals < 1 || equals === value.length - 1)
    throw new InvalidArgumentError(`${text} is not of the form alias:<label>=<name>.`)
  return { kind: meant, label: value.slice(0, equals), value: value.slice(equals + 1) }
}

function spelled({ kind, label, value }: SubjectIdentifier): string {
  return clean(`${kind}:${kind === 'alias' ? `${label}=` : ''}${value}`, 500)
}

function showPlan({ out }: Session, plan: ErasurePlanAnswer): void {
  const shown: [string, string][] = [
    ...plan.identifiers.map((one): [string, string] => ['erased', spelled(one)]),
    ...plan.shared.map((one): [string, string] => ['shared, not taken in', spelled(one)]),
    ...plan.weak.map((one): [string, string] => ['says little', spelled(one)]),
  ]
  out.facts(shown)
  out.line()
  const found = plan.places.filter(({ rows }) => rows > 0)
  if (found.length === 0) out.line('Nothing of them is in any store.')
  else out.facts(found.map(({ place, rows }) => [place, grouped(rows)]))
  if (plan.uncounted.length > 0)
    out.line(
      `Not counted, but erased as well: folders of ${plan.uncounted.map((name) => clean(name)).join(', ')}`,
    )
  showLeft(out, plan.left)
}

function showErasure({ out }: Session, erasure: ErasureAnswer): void {
  const { id, state, step, problem, requestedBy, createdAt, suppress, receipt } = erasure
  out.facts([
    ['id', id],
    ['state', state === 'finished' ? state : `${state}, at ${step}`],
    ...(problem === '' ? [] : ([['problem', clean(problem, 1_000)]] as const)),
    ['asked for', `${moment(createdAt)} by ${clean(requestedBy)}`],
    ['kept out', suppress ? 'what comes in later' : 'no'],
  ])
  if (erasure.nodes.length > 0) {
    out.line()
    out.facts(erasure.nodes.map((part) => [`node ${clean(part.node)}`, clean(nodeWords(part), 1_000)]))
  }
  if (receipt === undefined) return
  out.line()
  const places = receipt.places.filter(({ found, removed }) => found + removed > 0)
  if (places.length > 0)
    out.facts(
      places.map(({ place, found, removed }) => [
        place,
        `${grouped(found)} found, ${grouped(removed)} erased`,
      ]),
    )
  for (const { authorization, vendor, deleted, problem: why } of receipt.targets)
    out.line(
      `${vendor} (${clean(authorization)}): ${why === '' ? `${grouped(deleted)} deleted` : clean(why, 500)}`,
    )
  const { files, bytes, remaining } = receipt.search
  out.line(
    remaining.length === 0
      ? `Looked through ${grouped(files)} files, ${grouped(bytes)} bytes: nothing of them is left.`
      : `Still in: ${remaining.map((name) => clean(name, 200)).join(', ')}`,
  )
  showLeft(out, receipt.left)
}

/** Which nodes are still to do their part; '' where none is. */
function openNodes(nodes: ErasureAnswer['nodes']): string {
  const open = nodes.filter(({ step }) => step !== 'done' && step !== 'waived')
  return open.length === 0 ? '' : `to come on ${open.map(({ node }) => clean(node)).join(', ')}`
}

function nodeWords({ step, problem, search, addendum, updatedAt }: ErasureAnswer['nodes'][number]): string {
  if (step === 'waived') return `said to be gone, ${moment(updatedAt)}`
  if (step !== 'done') return `at ${step}${problem === '' ? '' : `: ${problem}`}`
  const found =
    search === undefined || search.remaining.length === 0
      ? 'erased'
      : `still in: ${search.remaining.join(', ')}`
  return addendum === undefined ? found : `${found}, after the receipt: ${moment(updatedAt)}`
}

function showLeft(out: Session['out'], left: readonly string[]): void {
  if (left.length === 0) return
  out.line()
  out.line('Left for you to do:')
  for (const words of left) out.line(`  ${clean(words, 500)}`)
}
