/** What the engine goes by: from schema and rules, compiled once, asked of every record. */

import { streamType } from '../sources/lytics/record.ts'
import { RuleSet } from './audiences/rule-set.ts'
import type { RawRecord } from './engine/engine.ts'
import type { Configuration, ReadableSource } from './engine/protocol.ts'
import { fieldTypesOf } from './filterql/filterql.ts'
import { parseFilter } from './filterql/parse.ts'
import type { Follower } from './follower.ts'
import { foldFields } from './identity/fold.ts'
import { Resolver } from './identity/resolver.ts'
import { compileRules, type Identified, identify, type Rules } from './identity/rules.ts'
import type { Judge, Verdict } from './judge.ts'
import type { StreamMapper } from './mapping/mapping.ts'
import { StreamMappers } from './mapping/stream-of.ts'
import type { Profile } from './profile.ts'
import type { MappedRecord } from './record.ts'
import type { ProfileSchema } from './schema.ts'
import type { Fields } from './values.ts'
import type { WorkingSet } from './working-set.ts'

/** A record that a profile is to be found for. */
export interface Readied {
  readonly record: MappedRecord
  readonly identified: Identified
}

type Say = (word: string, stream?: string) => void

const decoder = new TextDecoder()

export class Doctrine implements Judge {
  readonly rules: Rules
  readonly fields: ProfileSchema['fields']
  readonly followers: readonly Follower[]
  /** Changes whenever somebody might be judged otherwise. */
  readonly judgedBy: string
  readonly #audiences: RuleSet
  readonly #asked: ReadonlySet<string>
  readonly #streams: ProfileSchema['streams']
  readonly #mappers: StreamMappers
  readonly #sources: ReadonlyMap<number, ReadableSource>

  constructor({ schema, sources, audiences }: Configuration, followers: readonly Follower[] = []) {
    this.followers = followers
    this.rules = compileRules(schema)
    this.fields = schema.fields
    this.#streams = schema.streams
    this.#mappers = new StreamMappers(schema)
    this.#sources = new Map(sources.map((source) => [source.number, source]))
    this.#audiences = new RuleSet(
      audiences.map((rule) => ({ ...rule, filter: parseFilter(rule.filter) })),
      fieldTypesOf(schema),
    )
    this.#asked = this.#audiences.fields
    this.judgedBy = this.#audiences.fingerprint
  }

  /** Names of the fields that audiences ask for. */
  get askedFields(): ReadonlySet<string> {
    return this.#asked
  }

  /** Whether the two are one to all audiences. */
  asksAlike(one: Fields, other: Fields): boolean {
    for (const field of this.#asked) {
      const [a, b] = [one[field], other[field]]
      if (a === b) continue
      if (typeof a !== 'object' || typeof b !== 'object' || JSON.stringify(a) !== JSON.stringify(b))
        return false
    }
    return true
  }

  /** Whether there is a source with records of a stream. */
  get isFed(): boolean {
    const types = ['', ...this.#streams.map(({ name }) => streamType(name))]
    return [...this.#sources.keys()].some((number) =>
      types.some((type) => this.streamOf(number, type) !== undefined),
    )
  }

  /** The stream that records of this source and type are of. */
  streamOf(source: number, type: string): string | undefined {
    return this.#mapper(source, type)?.stream.name
  }

  /**
   * `say` hears in a word what became of the record: `applied`, or why it gives nothing; and of each value that could not be
   * made which and why, `braze_users.email not_an_email`. What became of a record comes with its stream.
   */
  read(raw: RawRecord, say: Say): Readied | undefined {
    const mapper = this.#mapper(raw.source, raw.type)
    const readied = mapper === undefined ? 'no_stream' : this.#readied(raw, mapper, say)
    say(typeof readied === 'string' ? readied : 'applied', mapper?.stream.name)
    return typeof readied === 'string' ? undefined : readied
  }

  #readied({ bytes, offset, receivedAt }: RawRecord, mapper: StreamMapper, say: Say): Readied | string {
    const mapped = mapper.map(decoder.decode(bytes), offset, receivedAt)
    for (const { field, problem } of mapped.lost) say(`${mapper.stream.name}.${field} ${problem}`)
    if ('reason' in mapped) return mapped.reason
    const identified = identify(mapped.record, this.rules)
    return identified.ids.length === 0 ? 'no_identifier' : { record: mapped.record, identified }
  }

  #mapper(number: number, type: string): StreamMapper | undefined {
    const source = this.#sources.get(number)
    return source && this.#mappers.of({ source: source.name, kind: source.kind, type })
  }

  resolver(set: WorkingSet): Resolver {
    return new Resolver(this.rules, set)
  }

  fold(profile: Profile, nowMs: number): Fields {
    return foldFields(profile, this.rules, nowMs)
  }

  judge(fields: Fields, nowMs: number): Verdict {
    return this.#audiences.judge(fields, nowMs)
  }
}
