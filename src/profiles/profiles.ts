/**
 * Profiles: what the records of streams say about people, joined by identifiers into one profile each, and who of them is in
 * which audience. This room reads the log on its own account and keeps people in a process of its own (engine/); it never
 * changes a record, never joins people on a guess, and forgets nothing that undoing a join needs.
 *
 *   log → intake → process: mapping → identity → fold → judge → one transaction
 */

import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { type SubjectIdentifier, subjectOf } from '../core/traces.ts'
import type { Log } from '../log/log.ts'
import type { SourceKind } from '../sources/settings.ts'
import type { Touched } from '../store/edit-rows.ts'
import type { Lease } from '../store/leases.ts'
import { recall, remembered } from '../store/meta.ts'
import type { Store } from '../store/store.ts'
import { RuleAudiences } from './audiences/audiences.ts'
import { Doctrine } from './doctrine.ts'
import { EngineClient } from './engine/client.ts'
import type { Desk, TextFound, TextSearch } from './engine/desk.ts'
import type { DriftView } from './engine/evidence.ts'
import { type Configuration, type ReadableSource, unpacked } from './engine/protocol.ts'
import { normalizeIdentifier } from './identity/rules.ts'
import { type IntakeStatus, ProfileIntake, type Reading, stretchFrom } from './intake.ts'
import { checkSchema } from './mapping/check.ts'
import { defaultSchema } from './mapping/default-schema.ts'
import type { Profile } from './profile.ts'
import type { ProfileSchema } from './schema.ts'
import { Schemas, type SchemaVersion } from './schemas.ts'
import { entityOf, type ProfileView, viewOf } from './view.ts'

export interface ProfilesLogger {
  error(about: object, message: string): void
}

export interface ProfilesParts {
  readonly store: Store
  /** Under which people are kept here. */
  readonly lease: Lease
  readonly clock: Clock
  readonly log: Log
  readonly logger: ProfilesLogger
  /** Address of the store; where it is SQLite, people lie in a file of their own in `folder`. */
  readonly storeUrl: string
  readonly folder: string
  /** Who else needs an audience, each in a few words. */
  readonly usersOf: (audience: number) => Promise<readonly string[]>
  /** All that are not removed. */
  sources(): readonly { readonly number: number; readonly name: string; readonly kind: SourceKind }[]
}

/** A record as it lies in the log. */
export interface Sample {
  readonly offset: number
  readonly receivedAt: number
  readonly text: string
}

/** What of a stream is read again. */
export interface History {
  readonly stream: string
  readonly fields: readonly string[]
  /** When the oldest record that the log holds was received. */
  readonly since: number
  /** Offsets, `end` not included. */
  readonly from: number
  readonly end: number
}

/** Rows back from the end of the log among which samples are looked for. */
const SAMPLE_WINDOWS = [200, 4_000, 50_000]
/** Key in meta: profiles were read once, so they go on being read. */
const OPENED = 'profiles_opened'
/** Pages of SQLite in the memory of the process. */
const CACHE_BYTES = 134_217_728

export class Profiles {
  readonly schemas: Schemas
  readonly audiences: RuleAudiences
  readonly client: EngineClient
  readonly #parts: ProfilesParts
  readonly #intake: ProfileIntake
  #wasOpened = false
  /** What the process was told to go by; undefined while there is none. */
  #told: Configuration | undefined
  #present: Configuration | undefined
  #compiled: { readonly configuration: Configuration; readonly doctrine: Doctrine } | undefined

  constructor(parts: ProfilesParts) {
    this.#parts = parts
    const { store, clock, log, logger } = parts
    this.schemas = new Schemas(store, clock, defaultSchema())
    this.audiences = new RuleAudiences({
      store,
      clock,
      schema: () => this.schemas.present.definition,
      usersOf: parts.usersOf,
      changed: () => this.#intake.wake(),
      desk: () => this.desk,
    })
    this.client = new EngineClient(async () => {
      await remembered(store, OPENED, () => '1')
      this.#wasOpened = true
      const configuration = this.#configuration()
      const { name, token } = parts.lease
      this.#told = configuration
      return {
        settings: { store: this.#database(), cacheBytes: CACHE_BYTES, lease: { name, token } },
        configuration,
        start: log.tail,
      }
    })
    this.#intake = new ProfileIntake({
      log,
      clock,
      client: this.client,
      reading: () => this.#reading(),
      onTrouble: (error) => logger.error({ err: error }, 'the profiles are in trouble; trying again'),
    })
  }

  /** Questions about people. */
  get desk(): Desk {
    return this.client.desk
  }

  /** Reads again what another node may have changed. */
  async refresh(): Promise<void> {
    await this.schemas.start()
    await this.audiences.start()
  }

  /** Also after a stop. */
  async start(): Promise<void> {
    await this.refresh()
    this.client.open()
    this.#wasOpened = (await recall(this.#parts.store, OPENED)) !== undefined
    this.#intake.start()
  }

  async stop(): Promise<void> {
    await this.#intake.stop()
    await this.client.close()
  }

  status(): IntakeStatus {
    return this.#intake.status()
  }

  /** Throws PROFILE_SCHEMA_INVALID with everything found, FILTERQL_INVALID when an audience asks what would not be there any more. */
  async revise(schema: ProfileSchema, note: string, author: string): Promise<SchemaVersion> {
    checkSchema(schema)
    await this.audiences.check(schema)
    const saved = await this.schemas.save(schema, note, author)
    this.#intake.wake()
    return saved
  }

  /**
   * Has what the log still holds of a stream give its fields anew, by the present mapping; `fields`: only these. Tells what
   * will be read. Throws INPUT_INVALID where there is no such stream or field.
   */
  async readAgain(name: string, fields: readonly string[], dry: boolean): Promise<History> {
    const { log, clock } = this.#parts
    const stream = this.schemas.present.definition.streams.find((one) => one.name === name)
    if (stream === undefined) throw new ThalwegError('INPUT_INVALID', `There is no stream ${name}`)
    const mapped = [...new Set(stream.mappings.map(({ field }) => field))]
    const strange = fields.find((field) => !mapped.includes(field))
    if (strange !== undefined)
      throw new ThalwegError('INPUT_INVALID', `The stream ${name} does not fill a field ${strange}`)
    const { position } = await this.client.ask({ what: 'tick', nowMs: clock.now() })
    const pending = log.read(log.tail, 1)
    const run = pending instanceof Promise ? await pending : pending
    const since = run.frames[0]?.receivedAt ?? clock.now()
    const history = {
      stream: name,
      fields: fields.length === 0 ? mapped : fields,
      since,
      from: log.tail,
      end: position,
    }
    if (!dry) {
      await this.desk.readAgain(name, history.fields, history, clock.now())
      this.#intake.wake()
    }
    return history
  }

  /** How far the profiles are from what all evidence at once would give. Reads the kept log and every profile. */
  async drift(): Promise<DriftView> {
    const { log, clock } = this.#parts
    const { position } = await this.client.ask({ what: 'tick', nowMs: clock.now() })
    const doctrine = this.#doctrine(this.#configuration())
    await this.desk.gather()
    for (let at = log.tail; at < position; ) {
      const stretch = await stretchFrom(
        log,
        at,
        position,
        (source, type) => doctrine.streamOf(source, type) !== undefined,
      )
      await this.client.ask({ what: 'evidence', stretch })
      at = stretch.to
    }
    return this.desk.drift()
  }

  /** Whom an identifier finds, spelt in whichever way. */
  async lookup(field: string, value: string): Promise<Profile | undefined> {
    const normal = normalizeIdentifier(field, value, this.#doctrine(this.#configuration()).rules)
    return normal === undefined ? undefined : this.desk.find(field, normal)
  }

  /** The same. Throws PROFILE_UNKNOWN. */
  async find(field: string, value: string): Promise<Profile> {
    const profile = await this.lookup(field, value)
    if (profile !== undefined) return profile
    throw new ThalwegError(
      'PROFILE_UNKNOWN',
      `No profile has the ${JSON.stringify(field)} ${JSON.stringify(value)}`,
    )
  }

  /** Everybody whom a value finds, as whatever identifier. */
  async search(value: string): Promise<Profile[]> {
    const { rules } = this.#doctrine(this.#configuration())
    const identifiers = [...rules.byField.keys()].flatMap((field): [string, string][] => {
      const normal = normalizeIdentifier(field, value, rules)
      return normal === undefined ? [] : [[field, normal]]
    })
    return this.desk.search(identifiers)
  }

  /** Whose identifiers begin with the text, as it is written or in small letters. */
  beginning(text: string, limit: number): Promise<Profile[]> {
    return this.desk.beginning([text.trim(), text.trim().toLowerCase()], limit)
  }

  /** A bounded look for a text in values; `field`: only there. Values of personal fields count where they may be seen. */
  async searchText(
    search: Omit<TextSearch, 'fields'>,
    field: string | undefined,
    seesPersonal: boolean,
  ): Promise<TextFound> {
    const fields = this.schemas.present.definition.fields
      .filter(({ name, personal }) => (field === undefined || name === field) && (seesPersonal || !personal))
      .map(({ name }) => name)
    return this.desk.searchText({ ...search, fields })
  }

  /** Of the last records that a stream reads, or would if it were on, newest first; of some windows back from the end of the log. Throws INPUT_INVALID. */
  async samples(name: string, limit: number): Promise<Sample[]> {
    const { log } = this.#parts
    const schema = this.schemas.present.definition
    if (!schema.streams.some((one) => one.name === name))
      throw new ThalwegError('INPUT_INVALID', `There is no stream ${name}`)
    const streams = schema.streams.map((one) => (one.name === name ? { ...one, active: true } : one))
    const doctrine = new Doctrine({ ...this.#configuration(), schema: { ...schema, streams }, audiences: [] })
    const { head } = log
    for (const rows of SAMPLE_WINDOWS) {
      const ofStream = (source: number, type: string): boolean => doctrine.streamOf(source, type) === name
      const { records } = unpacked(await stretchFrom(log, Math.max(log.tail, head - rows), head, ofStream))
      if (records.length > 0)
        return records
          .slice(-limit)
          .reverse()
          .map(({ offset, receivedAt, bytes }) => ({
            offset,
            receivedAt,
            text: Buffer.from(bytes).toString(),
          }))
    }
    return []
  }

  /** An identifier as profiles know it. Throws INPUT_INVALID where it can be none. */
  normal([field, value]: readonly [field: string, value: string]): [field: string, value: string] {
    const normal = normalizeIdentifier(field, value, this.#doctrine(this.#configuration()).rules)
    if (normal !== undefined) return [field, normal]
    throw new ThalwegError(
      'INPUT_INVALID',
      `${JSON.stringify(value)} is no ${JSON.stringify(field)} that could identify somebody`,
    )
  }

  /** What else those are known by whom one of these finds. */
  async identifiersOf(identifiers: readonly SubjectIdentifier[]): Promise<SubjectIdentifier[]> {
    if (!this.#wasOpened) return []
    const found = await this.desk.identifiersOf(this.#asKept(identifiers))
    return found.map(([field, value]) => subjectOf(field, value))
  }

  /**
   * Takes out whoever one of these finds, and words about them in others' values; the log tells nothing of them any more. Afterwards no file
   * holds any of it. Dry: counts only.
   */
  async forget(identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<Touched[]> {
    if (!this.#wasOpened) return []
    await this.#intake.settled()
    return this.desk.forget(this.#asKept(identifiers), isDry)
  }

  /** Beside them, how the rules of each field would spell them. */
  #asKept(identifiers: readonly SubjectIdentifier[]): SubjectIdentifier[] {
    const { rules } = this.#doctrine(this.#configuration())
    const kept = new Map<string, SubjectIdentifier>()
    for (const identifier of identifiers) {
      const spellings = [...rules.byField.keys()].map((field) =>
        normalizeIdentifier(field, identifier.value, rules),
      )
      for (const value of [identifier.value, ...spellings])
        if (value !== undefined) kept.set(`${identifier.kind} ${value}`, { ...identifier, value })
    }
    return [...kept.values()]
  }

  view(profile: Profile, showPersonal: boolean): ProfileView {
    const { rules } = this.#doctrine(this.#configuration())
    return viewOf(profile, this.schemas.present.definition, rules, showPersonal, this.#parts.clock.now())
  }

  /** Throws PROFILE_UNKNOWN. */
  async get(id: number): Promise<Profile> {
    const profile = await this.desk.profile(id)
    if (profile === undefined) throw new ThalwegError('PROFILE_UNKNOWN', `There is no profile ${id}`)
    return profile
  }

  /** In the way of Lytics: fields by name, with ids and times of the profile beside them. */
  entity(profile: Profile, showPersonal: boolean): Record<string, unknown> {
    return entityOf(this.view(profile, showPersonal))
  }

  #doctrine(configuration: Configuration): Doctrine {
    if (this.#compiled?.configuration !== configuration)
      this.#compiled = { configuration, doctrine: new Doctrine(configuration) }
    return this.#compiled.doctrine
  }

  /** The same object until something is otherwise. */
  #configuration(): Configuration {
    const { version, definition } = this.schemas.present
    const { rules } = this.audiences
    const sources = this.#sources()
    const present = this.#present
    const isSame =
      present?.schemaVersion === version &&
      present.audiences === rules &&
      JSON.stringify(present.sources) === JSON.stringify(sources)
    if (isSame) return present
    this.#present = { schemaVersion: version, schema: definition, sources, audiences: rules }
    return this.#present
  }

  #sources(): ReadableSource[] {
    return this.#parts.sources().map(({ number, name, kind }) => ({ number, name, kind }))
  }

  /** What the intake goes by from now on; undefined while nothing feeds a stream and never did. */
  async #reading(): Promise<Reading | undefined> {
    const configuration = this.#configuration()
    const doctrine = this.#doctrine(configuration)
    if (!this.#wasOpened && !doctrine.isFed) return undefined
    if (this.#told !== undefined && this.#told !== configuration) {
      await this.client.ask({ what: 'adopt', configuration })
      this.#told = configuration
      this.#intake.forget()
    }
    return doctrine
  }

  #database(): string {
    const { storeUrl, folder } = this.#parts
    return /^postgres(ql)?:/.test(storeUrl) ? storeUrl : `sqlite:${join(folder, 'profiles.db')}`
  }
}
