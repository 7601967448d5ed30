/**
 * What an apply would do: documents against what the hub has, and both against what the last apply left.
 *
 * | the file says | the hub has        | since the last apply      | then                                   |
 * |---------------|--------------------|---------------------------|----------------------------------------|
 * | an object     | the same           | whatever                  | keep                                   |
 * | an object     | another state      | nobody changed it         | change                                 |
 * | an object     | another state      | somebody changed it       | change, as drift: not unless accepted  |
 * | an object     | another state      | it was never applied      | change, as drift: not unless accepted  |
 * | an object     | nothing            | it was never applied      | create                                 |
 * | an object     | nothing            | somebody removed it       | create, as drift: not unless accepted  |
 * | nothing       | an applied object  | nobody changed it         | remove, if removing is asked for       |
 * | nothing       | an applied object  | somebody changed it       | the same, as drift                     |
 * | nothing       | any other object   | –                         | it is left alone, and named            |
 */

import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { ThalwegError } from '../core/errors.ts'
import type { AppliedObject } from './applied.ts'
import { type Checked, checkDocuments, normalBody } from './check.ts'
import { type Difference, differencesOf } from './difference.ts'
import type { Inventory, Live } from './inventory.ts'
import { type Body, KIND_WORDS, KINDS, type KindWord, valueAt, withAt } from './kinds.ts'
import type { Problem } from './problems.ts'
import type { SecretReference, Secrets } from './secret-reference.ts'

export const ACTIONS = ['create', 'change', 'remove', 'keep'] as const
export type Action = (typeof ACTIONS)[number]

export interface Drift {
  /** What somebody else did, in words. */
  readonly words: string
  /** From what the last apply left to what is there now. */
  readonly differences: readonly Difference[]
}

export interface Step {
  readonly action: Action
  readonly kind: KindWord
  readonly name: string
  /** Place among the documents; undefined: of none. */
  readonly document: number | undefined
  readonly differences: readonly Difference[]
  readonly drift: Drift | undefined
  /** Least role that may do it. */
  readonly role: 'operator' | 'admin'
  /** References whose values are needed and were not given. */
  readonly missing: readonly SecretReference[]
  readonly notes: readonly string[]
  readonly live: Live | undefined
  /** undefined: of a removal. */
  readonly wanted: Body | undefined
  /** Values to be given to the hub, by the member that they belong to. */
  readonly secrets: Readonly<Record<string, string>>
}

export interface Planned {
  /** Differs when another thing would be done. */
  readonly digest: string
  readonly steps: readonly Step[]
  /** Objects of the hub that no document describes and no apply has left. */
  readonly others: readonly { readonly kind: KindWord; readonly name: string }[]
}

/** What is known of secrets without telling them. */
export interface Vault {
  /** Of these fields, those that hold something else. */
  differing(authorization: string, values: Readonly<Record<string, string>>): Promise<readonly string[]>
  takesToken(source: string, token: string): boolean
}

export interface PlanInput {
  readonly documents: readonly unknown[]
  readonly secrets: Secrets
  readonly inventory: Inventory
  readonly applied: readonly AppliedObject[]
  /** undefined: whoever asks may not compare secrets. */
  readonly vault: Vault | undefined
}

/** Throws CONFIG_INVALID; its details are `{ problems: Problem[] }`. */
export async function planOf(input: PlanInput): Promise<Planned> {
  const { inventory, applied, documents } = input
  const said = documents.map((one) => [valueAt(one, ['object']), valueAt(one, ['name'])] as const)
  const streams = new Set(said.flatMap(([object, name]) => (object === 'stream' ? [String(name)] : [])))
  if (said.some(([object]) => object === 'profile')) inventory.dropFirstStreams(streams)
  const known = new Map(applied.map((one) => [idOf(one), one]))
  const ground = inventory.ground()
  const { schema } = ground
  // Those that would go are asked nothing.
  const staying =
    schema?.streams.filter(({ name }) => streams.has(name) || !known.has(`stream ${name}`)) ?? []
  const { checked, problems } = checkDocuments(documents, {
    ground: { ...ground, schema: schema === undefined ? undefined : { ...schema, streams: staying } },
  })
  refuse(problems)
  const steps: Step[] = []
  for (const one of inOrder(checked)) steps.push(await stepOf(one, input))
  refuse(steps.flatMap(impossible))
  const described = new Set(steps.flatMap(({ live }) => (live === undefined ? [] : [idOf(live)])))
  const left = inventory.all().filter((live) => !described.has(idOf(live)))
  const removed: Step[] = []
  const others: { kind: KindWord; name: string }[] = []
  for (const live of left) {
    const base = known.get(idOf(live))
    if (base !== undefined && live.kind !== 'profile') removed.push(removal(live, base))
    else others.push({ kind: live.kind, name: live.name })
  }
  const backwards = inOrder(removed.map(asChecked))
    .reverse()
    .flatMap(({ document }) => removed[document] ?? [])
  // A removed stream goes with the change of the profiles that does without it.
  const place = steps.findLastIndex(({ kind }) => kind === 'profile' || kind === 'stream') + 1
  const all = [
    ...steps.slice(0, place),
    ...backwards.filter(({ kind }) => kind === 'stream'),
    ...steps.slice(place),
    ...backwards.filter(({ kind }) => kind !== 'stream'),
  ]
  return { digest: digestOf(all), steps: all, others }
}

function refuse(problems: readonly Problem[]): void {
  const [first] = problems
  if (first === undefined) return
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`
  throw new ThalwegError(
    'CONFIG_INVALID',
    `${[...first.path].join('.') || 'document'}: ${first.problem}${more}`,
    {
      details: { problems },
    },
  )
}

async function stepOf(one: Checked, input: PlanInput): Promise<Step> {
  const { kind, name, formerly, document } = one
  const { inventory, applied } = input
  const base = applied.find((known) => known.kind === kind && known.name === name)
  const live =
    inventory.find(kind, name) ??
    (formerly === undefined ? undefined : inventory.find(kind, formerly)) ??
    (base === undefined ? undefined : inventory.byId(kind, base.id))
  const wanted = filled(kind, one.body, live)
  if (live === undefined) {
    const gone =
      base === undefined ? undefined : { words: `removed since apply ${base.apply}`, differences: [] }
    const notes = [
      ...notesOfNew(kind, wanted),
      ...(formerly === undefined ? [] : [`There is no ${formerly} to rename`]),
    ]
    return {
      action: 'create',
      kind,
      name,
      document,
      drift: gone,
      live,
      wanted,
      notes,
      differences: [],
      role: KINDS[kind].roles.create,
      ...given(kind, wanted, input.secrets),
    }
  }
  const secret = await secretsOf(kind, wanted, live, input)
  const before = secret.before
  const differences = differencesOf(before, wanted)
  const left = applied.find((known) => idOf(known) === idOf(live))
  const isFirst = inventory.isFirstSchema && (kind === 'profile' || kind === 'stream')
  const action = differences.length === 0 ? 'keep' : 'change'
  return {
    action,
    kind,
    name,
    document,
    differences,
    live,
    wanted,
    drift: action === 'keep' || isFirst ? undefined : driftOf(live, left),
    role: secret.rotates ? 'admin' : KINDS[kind].roles.change,
    missing: secret.missing,
    secrets: secret.given,
    notes: secret.notes,
  }
}

/** undefined: nobody changed it since. */
function driftOf(live: Live, left: AppliedObject | undefined): Drift | undefined {
  if (left === undefined) return { words: 'was not made by these files', differences: [] }
  const base = bare(live.kind, normalBody(live.kind, left.body))
  const now = bare(live.kind, live.body)
  if (isDeepStrictEqual(base, now) && left.mark === live.mark) return undefined
  const differences = differencesOf(base, now)
  const words = differences.length === 0 ? 'was given other secrets' : 'was changed'
  return { words: `${words} since apply ${left.apply}`, differences }
}

/** What the hub itself holds: where a secret was taken from is not its business. */
function bare(kind: KindWord, body: Body): Body {
  if (kind === 'source') {
    const { token: _, ...rest } = body
    return rest
  }
  if (kind !== 'authorization') return body
  return { ...body, credentials: Object.keys(body.credentials as object).sort() }
}

function removal(live: Live, base: AppliedObject): Step {
  return {
    action: 'remove',
    kind: live.kind,
    name: live.name,
    live,
    document: undefined,
    wanted: undefined,
    differences: [],
    drift: driftOf(live, base),
    role: KINDS[live.kind].roles.remove,
    missing: [],
    secrets: {},
    notes: [],
  }
}

function asChecked({ kind, name, live }: Step, document: number): Checked {
  return { kind, name, document, formerly: undefined, body: live?.body ?? {} }
}

/** What is not said is as it is. */
function filled(kind: KindWord, body: Body, live: Live | undefined): Body {
  if (live === undefined) return body
  let whole = body
  if (body.state === undefined && live.body.state !== undefined) whole = { ...whole, state: live.body.state }
  const made = ['settings', 'taskId']
  if (kind === 'source' && valueAt(body, made) === undefined && valueAt(live.body, made) !== undefined)
    whole = withAt(whole, made, valueAt(live.body, made))
  if (kind === 'source' && body.token === undefined && live.body.token !== undefined)
    whole = { ...whole, token: live.body.token }
  return whole
}

interface SecretWork {
  /** The live body, with the file's references where the secrets are the same as far as can be told. */
  readonly before: Body
  readonly rotates: boolean
  readonly missing: readonly SecretReference[]
  readonly given: Readonly<Record<string, string>>
  readonly notes: readonly string[]
}

async function secretsOf(
  kind: KindWord,
  wanted: Body,
  live: Live,
  { secrets, vault, applied }: PlanInput,
): Promise<SecretWork> {
  const nothing = { before: live.body, rotates: false, missing: [], given: {}, notes: [] }
  if (kind === 'source') {
    const token = wanted.token as SecretReference | undefined
    if (token === undefined) return nothing
    const value = secrets.get(token)
    const known = applied.some((one) => idOf(one) === idOf(live) && one.body.token === token)
    const isTaken = value === undefined || vault === undefined ? known : vault.takesToken(live.id, value)
    if (isTaken) return { ...nothing, before: { ...live.body, token } }
    const { token: _, ...before } = live.body
    return {
      ...{ before, rotates: true, notes: [] },
      missing: value === undefined ? [token] : [],
      given: value === undefined ? {} : { token: value },
    }
  }
  if (kind !== 'authorization') return nothing
  const references = wanted.credentials as Readonly<Record<string, SecretReference>>
  const held = live.body.credentials as Readonly<Record<string, SecretReference>>
  const values = valuesOf(references, secrets)
  const differing = vault === undefined ? [] : await vault.differing(live.id, values.found)
  const before = Object.fromEntries(
    Object.keys(held).map((field) => [
      field,
      differing.includes(field) ? 'another value' : (references[field] ?? held[field]),
    ]),
  )
  const rotates = !isDeepStrictEqual(before, { ...references })
  const unseen = values.missing.length > 0 || vault === undefined
  return {
    before: { ...live.body, credentials: before },
    rotates,
    missing: rotates ? values.missing : [],
    given: rotates ? values.found : {},
    notes: unseen && !rotates && Object.keys(references).length > 0 ? [uncompared(values.missing)] : [],
  }
}

function uncompared(missing: readonly SecretReference[]): string {
  return missing.length > 0
    ? `Its secrets stay as they are: ${missing.join(', ')} is not set here`
    : 'Its secrets were not compared: that takes an admin'
}

/** Of an object that is to be made. */
function given(kind: KindWord, wanted: Body, secrets: Secrets): Pick<Step, 'missing' | 'secrets'> {
  const references =
    kind === 'authorization'
      ? (wanted.credentials as Readonly<Record<string, SecretReference>>)
      : kind === 'source' && wanted.token !== undefined
        ? { token: wanted.token as SecretReference }
        : {}
  const { found, missing } = valuesOf(references, secrets)
  return { missing, secrets: found }
}

function valuesOf(references: Readonly<Record<string, SecretReference>>, secrets: Secrets) {
  const found: Record<string, string> = {}
  const missing: SecretReference[] = []
  for (const [field, reference] of Object.entries(references)) {
    const value = secrets.get(reference)
    if (value === undefined) missing.push(reference)
    else found[field] = value
  }
  return { found, missing }
}

function notesOfNew(kind: KindWord, wanted: Body): string[] {
  if ((kind === 'current' || kind === 'export') && (wanted.state ?? 'draft') === 'draft')
    return ['It is made as a draft: write state: running to have it run']
  if (kind === 'source' && wanted.token === undefined && wanted.kind !== 'files')
    return [`Nobody sees its first token: name one with token: env:NAME, or add one with thalweg sources`]
  return []
}

/** What an object cannot become. */
function impossible({ action, kind, document = 0, live, wanted = {} }: Step): Problem[] {
  if (action !== 'change' || live === undefined) return []
  const problems: Problem[] = KINDS[kind].fixed
    .filter((member) => wanted[member] !== live.body[member])
    .map((member) => ({
      document,
      path: [member],
      problem: `The ${member} of this ${kind} is ${String(live.body[member])} and stays so`,
      remedy: 'Make another one under another name, and remove this one',
    }))
  if (wanted.state === 'draft' && live.body.state !== 'draft')
    problems.push({
      document,
      path: ['state'],
      problem: `It is ${String(live.body.state)} already, and no draft any more`,
      remedy: 'Write state: paused to have it rest',
    })
  return problems
}

/** What is needed before what needs it, else by kind and name. */
export function inOrder(checked: readonly Checked[]): Checked[] {
  const byId = new Map(checked.map((one) => [`${one.kind} ${one.name}`, one]))
  const ordered: Checked[] = []
  const done = new Set<Checked>()
  const place = (one: Checked): void => {
    if (done.has(one)) return
    done.add(one)
    for (const { kind, name } of KINDS[one.kind].references(one.body)) {
      const needed = byId.get(`${kind} ${name}`)
      if (kind === one.kind && needed !== undefined) place(needed)
    }
    ordered.push(one)
  }
  const rank = new Map(KIND_WORDS.map((kind, i) => [kind, i]))
  const sorted = [...checked].sort(
    (a, b) => (rank.get(a.kind) ?? 0) - (rank.get(b.kind) ?? 0) || (a.name < b.name ? -1 : 1),
  )
  for (const one of sorted) place(one)
  return ordered
}

function idOf({ kind, id }: { readonly kind: KindWord; readonly id: string }): string {
  return `${kind} ${id}`
}

function digestOf(steps: readonly Step[]): string {
  const told = steps.map(({ action, kind, name, differences, drift }) => [
    action,
    kind,
    name,
    differences,
    drift,
  ])
  return createHash('sha256').update(JSON.stringify(told)).digest('hex').slice(0, 24)
}
