/** What a hub has, as documents: read through the API, with names where it has ids and numbers. */

import { ThalwegError } from '../core/errors.ts'
import type { ProfileSchema } from '../profiles/schema.ts'
import type { EngineKind } from '../warehouse/warehouse.ts'
import type { AppliedObject } from './applied.ts'
import { type Ground, normalBody } from './check.ts'
import type { Desk } from './desk.ts'
import { type Body, KIND_WORDS, KINDS, type KindWord, nameIn, valueAt, withAt } from './kinds.ts'
import { referenceFor } from './secret-reference.ts'

/** An object of the hub. */
export interface Live {
  readonly kind: KindWord
  /** Number, id or name: what stays when it is renamed. */
  readonly id: string
  readonly name: string
  readonly body: Body
  /** What else tells whether somebody changed it; empty: nothing. */
  readonly mark: string
}

interface Shown {
  readonly [member: string]: unknown
}
type Lists = Readonly<Record<string, readonly Shown[]>>

export class Inventory {
  readonly #objects = new Map<string, Live>()
  /** Ids and numbers by name, and names by id: of authorizations and audiences. */
  readonly #ids = new Map<string, string>()
  readonly #names = new Map<string, string>()
  readonly #engines = new Map<string, EngineKind>()
  schema: ProfileSchema | undefined
  /** Nobody has saved a schema of profiles: it is the one that every installation begins with. */
  isFirstSchema = false

  /** Throws what the API refuses, and CONFIG_AMBIGUOUS. `applied`: says where secrets are taken from. */
  static async read(desk: Desk, applied: readonly AppliedObject[]): Promise<Inventory> {
    const inventory = new Inventory()
    const references = new Map(applied.map((one) => [`${one.kind} ${one.id}`, one.body]))
    const all = async (where: string, list: string) => (await desk.get<Lists>(where))[list] ?? []
    for (const shown of await all('/authorizations', 'authorizations')) {
      const { id, label, description, provider, rotatedAt } = shown
      const fields = shown.fields as readonly string[]
      const said = references.get(`authorization ${id}`)?.credentials as
        | Readonly<Record<string, string>>
        | undefined
      const credentials = Object.fromEntries(
        fields.map((field) => [field, said?.[field] ?? referenceFor(String(label), field)]),
      )
      inventory.#add(
        'authorization',
        String(id),
        { label, description, provider, credentials },
        String(rotatedAt),
      )
      inventory.#learn('authorization', String(label), String(id))
    }
    for (const { name, kind, builtIn, authorization, settings, description } of await all(
      '/engines',
      'engines',
    )) {
      inventory.#engines.set(String(name), kind as EngineKind)
      if (builtIn !== true)
        inventory.#add('engine', String(name), { name, kind, authorization, settings, description })
    }
    for (const { name, kind, settings } of await all('/sources', 'sources')) {
      if (kind === 'audience') continue
      const { outsideRoots: _, ...kept } = settings as Shown
      const token = references.get(`source ${String(name)}`)?.token
      const body = { name, kind, settings: kept, ...(token === undefined ? {} : { token }) }
      inventory.#add('source', String(name), body)
    }
    const { version, definition } = await desk.get<{ version: number; definition: ProfileSchema }>(
      '/profile-schema',
    )
    inventory.schema = definition
    inventory.isFirstSchema = version === 0
    const { streams, ...profile } = definition
    inventory.#add('profile', 'profile', profile)
    for (const stream of streams) inventory.#add('stream', stream.name, { ...stream })
    for (const { number, slug, name, description, filter } of await all('/audiences', 'audiences')) {
      inventory.#learn('audience', String(slug), String(number))
      inventory.#add('audience', String(number), { slug, name, description, filter })
    }
    for (const { name, engine, sql, description } of await all('/queries', 'queries'))
      inventory.#add('query', String(name), { name, engine, sql, description })
    for (const { name, definition: body } of await all('/segments', 'segments'))
      inventory.#add('segment', String(name), body as Body)
    for (const { number, state, activation, definition: body } of await all('/currents', 'currents'))
      if (activation === null)
        inventory.#add('current', String(number), { ...(body as Body), state: lasting(String(state)) })
    for (const { number, state, definition: body } of await all('/activations', 'activations'))
      inventory.#add('activation', String(number), { ...(body as Body), state })
    for (const { number, state, definition: body } of await all('/exports', 'exports'))
      if (state !== 'removing')
        inventory.#add('export', String(number), { ...(body as Body), state: lasting(String(state)) })
    for (const { id, definition: body } of await all('/alert-channels', 'channels'))
      inventory.#add('channel', String(id), body as Body)
    return inventory
  }

  all(): readonly Live[] {
    return [...this.#objects.values()]
  }

  find(kind: KindWord, name: string): Live | undefined {
    return this.#objects.get(`${kind} ${name}`)
  }

  byId(kind: KindWord, id: string): Live | undefined {
    return this.all().find((one) => one.kind === kind && one.id === id)
  }

  /**
   * The streams that an installation begins with are nobody's: where a document says what profiles are made of, only those of
   * them stay that documents describe.
   */
  dropFirstStreams(described: ReadonlySet<string>): void {
    if (!this.isFirstSchema || this.schema === undefined) return
    for (const { name } of this.schema.streams)
      if (!described.has(name)) this.#objects.delete(`stream ${name}`)
    this.schema = { ...this.schema, streams: this.schema.streams.filter(({ name }) => described.has(name)) }
  }

  /** What there is to be named by documents. */
  ground(): Ground {
    const of = (kind: KindWord) => this.all().filter((one) => one.kind === kind)
    return {
      names: Object.fromEntries(
        KIND_WORDS.map((kind) => [kind, of(kind).map(({ name }) => name)]),
      ) as unknown as Ground['names'],
      engines: this.#engines,
      schema: this.schema,
      audiences: new Map(of('audience').map(({ name, body }) => [name, String(body.filter)])),
    }
  }

  /** A made or renamed object gets known by its name. */
  learn(kind: KindWord, name: string, id: string): void {
    this.#ids.set(`${kind} ${name}`, id)
  }

  /** The body as the API takes it: without what is told beside it, with ids and numbers. Names that are not there yet stay. */
  sent(kind: KindWord, body: Body): Body {
    const { state: _state, token: _token, ...rest } = body
    let sent: Body = rest
    for (const { path, kind: wanted, name } of KINDS[kind].references(rest)) {
      if (wanted !== 'authorization') continue
      sent = withAt(sent, path, this.#ids.get(`authorization ${name}`) ?? name)
    }
    if (kind !== 'export') return sent
    const audiences = (body.audiences as readonly string[]).map((slug) =>
      Number(this.#ids.get(`audience ${slug}`) ?? Number.NaN),
    )
    return { ...sent, audiences }
  }

  #add(kind: KindWord, id: string, given: Body, mark = ''): void {
    const body = normalBody(kind, this.#named(kind, given))
    const name = nameIn(kind, body)
    if (this.#objects.has(`${kind} ${name}`))
      throw new ThalwegError(
        'CONFIG_AMBIGUOUS',
        `Two authorizations are called ${JSON.stringify(name)}: files name them by their labels, so give one another`,
      )
    this.#objects.set(`${kind} ${name}`, { kind, id, name, body, mark })
  }

  #learn(kind: KindWord, name: string, id: string): void {
    this.#ids.set(`${kind} ${name}`, id)
    this.#names.set(`${kind} ${id}`, name)
  }

  /** Ids and numbers in a definition become names; of what is gone, they stay. */
  #named(kind: KindWord, body: Body): Body {
    let named = body
    for (const path of AUTHORIZED[kind] ?? []) {
      const id = valueAt(body, path)
      if (typeof id === 'string') named = withAt(named, path, this.#names.get(`authorization ${id}`) ?? id)
    }
    if (kind !== 'export') return named
    const numbers = body.audiences as readonly number[]
    return {
      ...named,
      audiences: numbers.map((number) => this.#names.get(`audience ${number}`) ?? String(number)),
    }
  }
}

const AUTHORIZED: Partial<Record<KindWord, readonly (readonly string[])[]>> = {
  engine: [['authorization']],
  source: [['settings', 'authorization']],
  current: [['destination', 'authorization']],
  activation: [['destination', 'authorization']],
  export: [['destination', 'authorization']],
  channel: [['authorization']],
}

/** What somebody wants: nobody wants a halt. */
function lasting(state: string): string {
  return state === 'halted' ? 'running' : state
}
