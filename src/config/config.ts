/**
 * Configuration as files: what there is as documents, what documents would change and bring about, and the change itself, step by
 * step. This room decides what is to be done; each step is done by the API, with the rights of whoever asked for it. It must
 * never change an object in another way, never keep, answer or log a secret, and never overwrite unasked what somebody
 * else has changed.
 */

import type { Cluster } from '../cluster/cluster.ts'
import { APPLY_POST } from '../cluster/posts.ts'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { tokensEqual } from '../core/secret.ts'
import type { ProfileSchema, Stream } from '../profiles/schema.ts'
import type { Sources } from '../sources/registry.ts'
import type { Authorizations } from '../store/authorizations.ts'
import { type Lease, leaseLost } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import { Applied, type AppliedStep, type Apply } from './applied.ts'
import type { Desk } from './desk.ts'
import { EFFECTS_MAX, type Effect, effectOf } from './effects.ts'
import { HANDS } from './hands.ts'
import { Inventory } from './inventory.ts'
import type { Body, KindWord } from './kinds.ts'
import { leanBody } from './lean-body.ts'
import { type Planned, planOf, type Step, type Vault } from './plan.ts'
import type { Secrets } from './secret-reference.ts'

export interface ConfigurationParts {
  readonly store: Store
  readonly cluster: Cluster
  readonly clock: Clock
  readonly authorizations: Authorizations
  readonly sources: Sources
}

/** Whoever asks. */
export interface Asker {
  readonly name: string
  readonly isAdmin: boolean
  /** Asks the API as them. `apply`: of which its changes are a part. */
  desk(apply?: number): Desk
}

export interface Asked {
  readonly documents: readonly unknown[]
  readonly secrets: Secrets
}

export interface PlanOptions {
  /** Whether what the changes bring about is rehearsed, over so many kept events. */
  readonly events: number | undefined
}

export interface ApplyOptions {
  /** Of the plan that was agreed to; undefined: whatever there is to be done. */
  readonly digest: string | undefined
  readonly removes: boolean
  readonly acceptsDrift: boolean
  readonly note: string
}

export interface PlannedWithEffects extends Planned {
  readonly effects: ReadonlyMap<Step, Effect>
}

/** An object as a document, without what goes without saying. */
export interface Document {
  readonly kind: KindWord
  readonly name: string
  readonly body: Body
}

export class Configuration {
  readonly applied: Applied
  readonly #parts: ConfigurationParts
  readonly #vault: Vault
  #applying = false

  constructor(parts: ConfigurationParts) {
    this.#parts = parts
    this.applied = new Applied(parts.store, parts.clock)
    this.#vault = vaultOf(parts)
  }

  /** Everything that files describe, in the order in which it would be made. Throws CONFIG_AMBIGUOUS. */
  async documents(asker: Asker): Promise<Document[]> {
    const inventory = await Inventory.read(asker.desk(), await this.applied.objects())
    return inventory.all().map(({ kind, name, body }) => ({ kind, name, body: leanBody(kind, body) }))
  }

  /** Throws CONFIG_INVALID, CONFIG_AMBIGUOUS. */
  async plan(asked: Asked, asker: Asker, { events }: PlanOptions): Promise<PlannedWithEffects> {
    const { planned, inventory } = await this.#plan(asked, asker)
    const effects = new Map<Step, Effect>()
    if (events === undefined) return { ...planned, effects }
    const input = {
      desk: asker.desk(),
      inventory,
      events,
      schema: schemaAfter(
        planned.steps.filter(({ action }) => action !== 'remove'),
        inventory.schema,
      ),
      queries: new Map(
        planned.steps.flatMap(({ kind, name, wanted }) =>
          kind === 'query' && wanted !== undefined ? [[name, wanted] as const] : [],
        ),
      ),
    }
    const moving = planned.steps.filter(({ action }) => action !== 'keep')
    for (const step of moving.slice(0, EFFECTS_MAX)) {
      const effect = await effectOf(step, input)
      if (effect !== undefined) effects.set(step, effect)
    }
    return { ...planned, effects }
  }

  /**
   * Does what there is to be done, and stops at the first step that fails: what was done stays, and another apply goes on from
   * there. One that is under way on another node is waited for as long as `Cluster.exclusively` waits. Throws CONFIG_FAILED with the
   * report, and before anything is done CONFIG_INVALID, CONFIG_AMBIGUOUS, CONFIG_BUSY, CONFIG_STALE, CONFIG_DRIFT, CONFIG_SECRETS,
   * TOKEN_FORBIDDEN.
   */
  async apply(asked: Asked, asker: Asker, options: ApplyOptions): Promise<Apply> {
    if (this.#applying) throw busy()
    this.#applying = true
    let isBegun = false
    try {
      return await this.#parts.cluster.exclusively(APPLY_POST, async (lease) => {
        isBegun = true
        const { planned, inventory } = await this.#plan(asked, asker)
        const steps = planned.steps.filter(
          ({ action }) => action !== 'keep' && (action !== 'remove' || options.removes),
        )
        refuse(steps, planned, asker, options)
        const number = await this.applied.begin(asker.name, options.note)
        return await this.#carryOut(number, steps, planned, inventory, asker, options.note, lease)
      })
    } catch (error) {
      if (!isBegun && error instanceof ThalwegError && error.code === 'NODE_BUSY') throw busy()
      throw error
    } finally {
      this.#applying = false
    }
  }

  async #plan(asked: Asked, asker: Asker): Promise<{ planned: Planned; inventory: Inventory }> {
    const applied = await this.applied.objects()
    const inventory = await Inventory.read(asker.desk(), applied)
    const vault = asker.isAdmin ? this.#vault : undefined
    return { planned: await planOf({ ...asked, inventory, applied, vault }), inventory }
  }

  async #carryOut(
    number: number,
    steps: readonly Step[],
    planned: Planned,
    inventory: Inventory,
    asker: Asker,
    note: string,
    lease: Lease,
  ): Promise<Apply> {
    const desk = asker.desk(number)
    const words = note === '' ? `apply ${number}` : `apply ${number}: ${note}`
    const made = new Map<Step, string>()
    const done: Step[] = []
    let failure: { step: Step; message: string } | undefined
    for (const group of grouped(steps)) {
      const [step] = group
      if (step === undefined) continue
      try {
        if (!lease.mayAct()) throw leaseLost(lease.name)
        if (isOfProfiles(step))
          await desk.send('PUT', '/profile-schema', {
            definition: schemaAfter(group, inventory.schema),
            note: words,
          })
        else made.set(step, await carried(step, inventory, desk, words))
        done.push(...group)
      } catch (error) {
        failure = {
          step,
          message: error instanceof ThalwegError ? error.message : 'The hub failed: its log says how',
        }
        break
      }
    }
    // Otherwise what there is now may be another apply's.
    if (lease.mayAct()) await this.#keep(number, planned, new Set(done), made, asker, lease)
    const report = steps.map((step): AppliedStep => {
      const outcome = done.includes(step) ? 'done' : failure?.step === step ? 'failed' : 'not reached'
      const { kind, name, action } = step
      const message = outcome === 'failed' ? (failure?.message ?? '') : ''
      return { kind, name, action: action as AppliedStep['action'], outcome, message }
    })
    await this.applied.finish(number, failure === undefined ? 'done' : 'failed', report)
    const apply = await this.applied.get(number)
    if (failure === undefined) return apply
    const { kind, name } = failure.step
    throw new ThalwegError(
      'CONFIG_FAILED',
      `Apply ${number} stopped at the ${kind} ${name}: ${failure.message}. ${done.length} of ${steps.length} steps were done, and stay; mend it and apply again`,
      { details: { apply } },
    )
  }

  /** Notes what the hub has now of what the files describe, so that a later change by somebody else can be told. */
  async #keep(
    number: number,
    planned: Planned,
    done: ReadonlySet<Step>,
    made: ReadonlyMap<Step, string>,
    asker: Asker,
    lease: Lease,
  ): Promise<void> {
    const { store, clock } = this.#parts
    const applied = new Applied(store.fencedBy(lease), clock)
    const before = await applied.objects()
    const inventory = await Inventory.read(asker.desk(), before)
    for (const step of planned.steps) {
      const { kind, action, name, live, wanted } = step
      const isAsWanted = action === 'keep' || done.has(step)
      const id = live?.id ?? made.get(step) ?? name
      if (!isAsWanted) continue
      // One that was made anew after somebody removed it has another id.
      for (const old of before)
        if (old.kind === kind && old.name === name && old.id !== id) await applied.forget(old)
      if (action === 'remove') {
        await applied.forget({ kind, id })
        continue
      }
      const now = inventory.byId(kind, id)
      if (now === undefined) continue
      const { credentials, token } = wanted ?? {}
      const body = {
        ...now.body,
        ...(credentials === undefined ? {} : { credentials }),
        ...(token === undefined ? {} : { token }),
      }
      await applied.keep({ kind, id, name: now.name, body, mark: now.mark, apply: number })
    }
  }
}

function busy(): ThalwegError {
  return new ThalwegError('CONFIG_BUSY', 'Another apply is under way: wait for it')
}

function refuse(steps: readonly Step[], planned: Planned, asker: Asker, options: ApplyOptions): void {
  const { digest, acceptsDrift } = options
  if (digest !== undefined && digest !== planned.digest)
    throw new ThalwegError('CONFIG_STALE', 'Something changed since the plan was made: look at it again')
  const drifted = steps.filter(({ drift }) => drift !== undefined)
  if (drifted.length > 0 && !acceptsDrift)
    throw new ThalwegError(
      'CONFIG_DRIFT',
      `${namesOf(drifted, ({ drift }) => ` (${drift?.words})`)}: take it into the files (thalweg export), or overwrite it with --accept-drift`,
    )
  const missing = [...new Set(steps.flatMap((step) => step.missing))]
  if (missing.length > 0)
    throw new ThalwegError(
      'CONFIG_SECRETS',
      `These secrets are not there: ${missing.join(', ')}. Set the variables, or write the files, where the documents are applied`,
    )
  const forbidden = steps.filter(({ role }) => role === 'admin' && !asker.isAdmin)
  if (forbidden.length > 0)
    throw new ThalwegError('TOKEN_FORBIDDEN', `This needs the role admin: ${namesOf(forbidden)}`)
}

const NAMED_MAX = 10

function namesOf(steps: readonly Step[], more: (step: Step) => string = () => ''): string {
  const named = steps.slice(0, NAMED_MAX).map((step) => `${step.kind} ${step.name}${more(step)}`)
  return steps.length > NAMED_MAX
    ? `${named.join(', ')} and ${steps.length - NAMED_MAX} more`
    : named.join(', ')
}

function isOfProfiles({ kind }: Step): boolean {
  return kind === 'profile' || kind === 'stream'
}

/** Profile and streams are one object of the hub, so they change in one step. */
function grouped(steps: readonly Step[]): Step[][] {
  const groups: Step[][] = []
  for (const step of steps) {
    const last = groups.at(-1)
    if (last?.[0] !== undefined && isOfProfiles(last[0]) && isOfProfiles(step)) last.push(step)
    else groups.push([step])
  }
  return groups
}

/** Gives what the object is known by. */
async function carried(step: Step, inventory: Inventory, desk: Desk, note: string): Promise<string> {
  const { kind, name, action, live, wanted = {}, secrets, differences } = step
  const hand = HANDS[kind as keyof typeof HANDS]
  if (action === 'remove' && live !== undefined) {
    await hand.remove(live, desk)
    return live.id
  }
  const isRevised = differences.some(({ field }) => field !== 'state' && field !== 'token')
  const work = { desk, wanted, secrets, note, isRevised, sent: inventory.sent(kind, wanted) }
  if (live !== undefined) await hand.change(live, work)
  const id = live?.id ?? (await hand.create(work))
  inventory.learn(kind, name, id)
  return id
}

/** What the schema of profiles is after these steps. */
function schemaAfter(steps: readonly Step[], present: ProfileSchema | undefined): ProfileSchema | undefined {
  const profile = steps.find(({ kind }) => kind === 'profile')?.wanted as
    | Omit<ProfileSchema, 'streams'>
    | undefined
  const rest = profile ?? present
  if (rest === undefined) return undefined
  const ofStreams = new Map(steps.filter(({ kind }) => kind === 'stream').map((step) => [step.name, step]))
  const before = present?.streams ?? []
  const kept = before.flatMap((stream): Stream[] => {
    const step = ofStreams.get(stream.name)
    if (step === undefined) return [stream]
    return step.wanted === undefined ? [] : [step.wanted as unknown as Stream]
  })
  const added = [...ofStreams.values()].flatMap(({ name, wanted }): Stream[] =>
    wanted === undefined || before.some((stream) => stream.name === name)
      ? []
      : [wanted as unknown as Stream],
  )
  return { ...rest, streams: [...kept, ...added] }
}

function vaultOf({ authorizations, sources }: ConfigurationParts): Vault {
  return {
    differing: async (id, values) => {
      const held = await authorizations.reveal(id)
      return Object.entries(values).flatMap(([field, value]) => (held[field] === value ? [] : [field]))
    },
    takesToken: (source, token) =>
      sources.byName(source)?.digests.some((digest) => tokensEqual(digest, token)) ?? false,
  }
}
