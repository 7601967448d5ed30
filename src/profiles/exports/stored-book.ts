/** The book of exports in the store of profiles, and the follower that keeps it. Owns the table export_rules. */

import type { Transaction } from 'kysely'
import type { Address } from '../../core/audience-change.ts'
import type { Schema } from '../../store/schema.ts'
import type { Store } from '../../store/store.ts'
import { People as Profiles } from '../engine/people.ts'
import type { Follower, ProfileChange, Standing } from '../follower.ts'
import {
  type Deviation,
  type ExportBook,
  FIRST_MEMBER,
  type Figures,
  type MemberPlace,
  type Outlook,
  PAGE_MAX,
  type PeopleQuery,
  type PersonEntry,
  type Survey,
  type Taken,
  type Told,
  type Walk,
} from './book.ts'
import { PeopleTable } from './people-table.ts'
import {
  accepted,
  changed,
  goOn,
  isNothing,
  type Lane,
  type Person,
  refused,
  rest,
  type Slugs,
  sorted,
  taken,
  toTell,
} from './person.ts'
import { People, type Placing, place, placingAgain, placingOf } from './placing.ts'
import { addressOf, type ExportRule, membershipsOf, slugsOf } from './rule.ts'

type Tx = Transaction<Schema>

/** How far a walk has come. */
interface Progress {
  readonly person?: Address
  readonly member?: MemberPlace
}

export class StoredExportBook implements ExportBook, Follower {
  readonly #store: Store
  readonly #people: PeopleTable
  readonly #profiles: Profiles
  /** Texts of rules that were read before. */
  readonly #parsed = new Map<number, { readonly text: string; readonly rule: ExportRule }>()

  constructor(store: Store) {
    this.#store = store
    this.#people = new PeopleTable(store.dialect)
    this.#profiles = new Profiles(store)
  }

  async follow(tx: Tx, changes: readonly ProfileChange[], nowMs: number): Promise<void> {
    const rows = await tx.selectFrom('export_rules').select(['export', 'rule']).execute()
    if (rows.length === 0) return
    const gone = new Map(changes.filter(({ after }) => after === undefined).map((one) => [one.profile, one]))
    for (const row of rows) {
      const rule = this.#parse(row.export, row.rule)
      const placings = changes.flatMap((change) => placingOf(rule, change, gone) ?? [])
      if (placings.length > 0) await this.#place(tx, rule, placings, 'live', nowMs)
    }
  }

  async rule(exportNumber: number): Promise<ExportRule | null> {
    const row = await this.#store.db
      .selectFrom('export_rules')
      .select('rule')
      .where('export', '=', exportNumber)
      .executeTakeFirst()
    return row === undefined ? null : this.#parse(exportNumber, row.rule)
  }

  async configure(rule: ExportRule, walk: Walk): Promise<void> {
    await this.#store.transaction(async (tx) => {
      const before = await tx
        .selectFrom('export_rules')
        .select(['walk', 'walk_after'])
        .where('export', '=', rule.export)
        .executeTakeFirst()
      const text = JSON.stringify(rule)
      // A walk that is under way begins anew, and goes as far as either of the two would have.
      const further = before?.walk === 'everybody' ? 'everybody' : walk === 'none' ? before?.walk : walk
      const row = { rule: text, walk: further ?? 'none', walk_after: '{}' }
      await tx
        .insertInto('export_rules')
        .values({ export: rule.export, ...row, omitted: 0, omitted_told: 0 })
        .onConflict((conflict) => conflict.column('export').doUpdateSet(row))
        .execute()
    })
  }

  async step(exportNumber: number, nowMs: number): Promise<boolean> {
    return this.#store.transaction(async (tx) => {
      const row = await tx
        .selectFrom('export_rules')
        .selectAll()
        .where('export', '=', exportNumber)
        .executeTakeFirst()
      if (row === undefined || row.walk === 'none') return false
      const rule = this.#parse(exportNumber, row.rule)
      const at = JSON.parse(row.walk_after) as Progress
      const next =
        at.member === undefined
          ? await this.#walkPeople(tx, rule, row.walk as Walk, at.person, nowMs)
          : await this.#walkMembers(tx, rule, at.member, nowMs)
      await tx
        .updateTable('export_rules')
        .set(next === undefined ? { walk: 'none', walk_after: '{}' } : { walk_after: JSON.stringify(next) })
        .where('export', '=', exportNumber)
        .execute()
      return next !== undefined
    })
  }

  async drop(exportNumber: number): Promise<void> {
    this.#parsed.delete(exportNumber)
    await this.#store.transaction(async (tx) => {
      await this.#people.drop(tx, exportNumber)
      await tx.deleteFrom('export_rules').where('export', '=', exportNumber).execute()
    })
  }

  async begin(exportNumber: number, nowMs: number): Promise<void> {
    await this.#people.wait(this.#store.db, exportNumber, 'sending', nowMs)
  }

  async outlook(exportNumber: number, batchMax: number): Promise<Outlook> {
    const { db } = this.#store
    const live = await this.#people.dueAts(db, exportNumber, 'live', batchMax)
    const backfill = await this.#people.dueAts(db, exportNumber, 'backfill', 1)
    const row = await db
      .selectFrom('export_rules')
      .select('walk')
      .where('export', '=', exportNumber)
      .executeTakeFirst()
    return {
      live: live.length,
      liveDueAt: live[0] ?? null,
      backfill: backfill.length > 0,
      walking: row !== undefined && row.walk !== 'none',
    }
  }

  /** Durable before anything is sent: what is under way when everything stops is told again. */
  take(exportNumber: number, lane: Lane, max: number, nowMs: number): Promise<Taken[]> {
    return this.#withRule(exportNumber, async (tx, rule) => {
      const slugs = slugsOf(rule)
      const batch: Taken[] = []
      for (;;) {
        const wanted = max - batch.length
        const waiting = await this.#people.waiting(tx, exportNumber, lane, wanted)
        for (const person of waiting) {
          const telling = toTell(person, slugs)
          person.updatedAt = nowMs
          // Several moves may have come to nothing.
          if (isNothing(telling)) {
            rest(person)
            continue
          }
          taken(person, telling)
          batch.push({ who: person.who, ...telling, revision: person.revision })
        }
        await this.#people.save(tx, exportNumber, waiting)
        if (waiting.length < wanted || batch.length >= max) return batch
      }
    })
  }

  settle(exportNumber: number, told: readonly Told[], nowMs: number): Promise<{ omitted: number }> {
    return this.#withRule(exportNumber, async (tx, rule) => {
      const slugs = slugsOf(rule)
      const named = await this.#people.load(
        tx,
        exportNumber,
        [],
        told.map(({ who }) => who),
      )
      const others = await this.#people.load(
        tx,
        exportNumber,
        named.map(({ profile }) => profile),
        told.map(({ who }) => who),
      )
      const people = new People(others)
      for (const one of told) {
        const person = people.at(one.who)
        if (person?.state !== 'sending') continue
        people.touch(person)
        if (one.outcome === 'accepted') {
          accepted(person, one, one.revision, slugs, nowMs)
          affirm(people, person, one.remove, rule, nowMs)
        } else if (one.outcome === 'refused') refused(person, one.reason, one.revision, slugs, nowMs)
        else goOn(person, slugs, nowMs)
      }
      await this.#people.save(tx, exportNumber, people.touched)
      return { omitted: await this.#tellOmitted(tx, exportNumber) }
    })
  }

  async figures(exportNumber: number, overMoreThan: number): Promise<Figures> {
    const { db } = this.#store
    const row = await db
      .selectFrom('export_rules')
      .select(['omitted', 'walk'])
      .where('export', '=', exportNumber)
      .executeTakeFirst()
    return {
      ...(await this.#people.figures(db, exportNumber, overMoreThan)),
      omitted: row?.omitted ?? 0,
      walking: row !== undefined && row.walk !== 'none',
    }
  }

  async people(exportNumber: number, query: PeopleQuery): Promise<PersonEntry[]> {
    const page = await this.#people.page(this.#store.db, exportNumber, query)
    return page.map(({ revision: _, ...entry }) => entry)
  }

  async retry(exportNumber: number, who: readonly Address[] | 'all', nowMs: number): Promise<number> {
    if (who === 'all') return this.#people.wait(this.#store.db, exportNumber, 'refused', nowMs)
    return this.#withRule(exportNumber, async (tx, rule) => {
      const named = await this.#people.load(tx, exportNumber, [], who)
      const again = named.filter(({ state }) => state === 'refused')
      for (const person of again) changed(person, slugsOf(rule), 'live', nowMs, 0)
      await this.#people.save(tx, exportNumber, again)
      return again.length
    })
  }

  async repair(exportNumber: number, deviations: readonly Deviation[], nowMs: number): Promise<void> {
    await this.#withRule(exportNumber, async (tx, rule) => {
      const people = new People(
        await this.#people.load(
          tx,
          exportNumber,
          [],
          deviations.map(({ who }) => who),
        ),
      )
      for (const { who, missing, stale } of deviations) {
        const person = people.at(who)
        if (person === undefined) continue
        person.sent = sorted([...person.sent.filter((slug) => !missing.includes(slug)), ...stale])
        changed(person, slugsOf(rule), 'backfill', nowMs, 0)
        people.touch(person)
      }
      await this.#people.save(tx, exportNumber, people.touched)
    })
  }

  async survey(rule: ExportRule, overMoreThan: number, after: MemberPlace): Promise<Survey> {
    const { standings, next } = await this.#members(this.#store.db, rule, after)
    const survey = { people: 0, over: 0, omitted: 0 }
    for (const standing of standings.values()) {
      const memberships = membershipsOf(rule, standing)
      // Whoever is in several audiences was counted in the first.
      if (memberships[0]?.audience !== rule.audiences[after.audience]?.number) continue
      if (addressOf(rule.identifiers, standing) === undefined) survey.omitted++
      else {
        survey.people++
        if (memberships.length > overMoreThan) survey.over++
      }
    }
    return { ...survey, next: next ?? null }
  }

  async #place(
    tx: Tx,
    rule: ExportRule,
    placings: readonly Placing[],
    lane: Lane,
    nowMs: number,
    /** Whom the rule may want otherwise although nothing about them changed. */
    also: readonly Person[] = [],
  ): Promise<void> {
    const profiles = new Set(placings.flatMap(({ profile, mergedFrom }) => [profile, ...mergedFrom]))
    const named = placings.flatMap(({ who }) => who ?? [])
    const people = new People(
      await this.#people.load(tx, rule.export, [...profiles], [...named, ...also.map(({ who }) => who)]),
    )
    const omitted = place(rule, people, placings, lane, nowMs)
    const slugs = slugsOf(rule)
    for (const { who } of also) {
      const person = people.at(who)
      if (person === undefined || people.touched.includes(person) || !isOvertaken(person, slugs)) continue
      changed(person, slugs, lane, nowMs, rule.waitMs)
      people.touch(person)
    }
    await this.#people.save(tx, rule.export, people.touched)
    if (omitted === 0) return
    await tx
      .updateTable('export_rules')
      .set((row) => ({ omitted: row('omitted', '+', omitted) }))
      .where('export', '=', rule.export)
      .execute()
  }

  /** Those whom the book has, in the order of their addresses. */
  async #walkPeople(
    tx: Tx,
    rule: ExportRule,
    walk: Walk,
    after: Address | undefined,
    nowMs: number,
  ): Promise<Progress | undefined> {
    const page = await this.#people.page(tx, rule.export, { after, limit: PAGE_MAX })
    const standings = await this.#standings(
      tx,
      page.map(({ profile }) => profile),
    )
    const profiles = new Set(page.filter(({ held }) => held).map(({ profile }) => profile))
    const placings = [...profiles].map((profile) =>
      placingAgain(rule, { profile, after: standings.get(profile), mergedFrom: [] }),
    )
    await this.#place(tx, rule, placings, 'backfill', nowMs, page)
    const last = page.at(-1)
    if (page.length === PAGE_MAX && last !== undefined) return { person: last.who }
    return walk === 'everybody' ? { member: FIRST_MEMBER } : undefined
  }

  async #walkMembers(
    tx: Tx,
    rule: ExportRule,
    after: MemberPlace,
    nowMs: number,
  ): Promise<Progress | undefined> {
    const { standings, next } = await this.#members(tx, rule, after)
    const placings = [...standings].map(([profile, standing]) =>
      placingAgain(rule, { profile, after: standing, mergedFrom: [] }),
    )
    await this.#place(tx, rule, placings, 'backfill', nowMs)
    return next === undefined ? undefined : { member: next }
  }

  /** The next members of one audience of the rule. */
  async #members(
    db: Store['db'] | Tx,
    { audiences }: ExportRule,
    { audience, profile }: MemberPlace,
  ): Promise<{ standings: ReadonlyMap<number, Standing>; next: MemberPlace | undefined }> {
    const number = audiences[audience]?.number
    if (number === undefined) return { standings: new Map(), next: undefined }
    const rows = await db
      .selectFrom('audience_members')
      .select('profile')
      .where('audience', '=', number)
      .where('profile', '>', profile)
      .orderBy('profile')
      .limit(PAGE_MAX)
      .execute()
    const standings = await this.#standings(
      db,
      rows.map((row) => row.profile),
    )
    const last = rows.at(-1)
    const next =
      rows.length === PAGE_MAX && last !== undefined
        ? { audience, profile: last.profile }
        : { audience: audience + 1, profile: 0 }
    return { standings, next: next.audience < audiences.length ? next : undefined }
  }

  #standings(db: Store['db'] | Tx, ids: readonly number[]): Promise<ReadonlyMap<number, Standing>> {
    return this.#profiles.standings([...new Set(ids)], db)
  }

  async #tellOmitted(tx: Tx, exportNumber: number): Promise<number> {
    const row = await tx
      .selectFrom('export_rules')
      .select(['omitted', 'omitted_told'])
      .where('export', '=', exportNumber)
      .executeTakeFirst()
    if (row === undefined || row.omitted === row.omitted_told) return 0
    await tx
      .updateTable('export_rules')
      .set({ omitted_told: row.omitted })
      .where('export', '=', exportNumber)
      .execute()
    return row.omitted - row.omitted_told
  }

  /** In one transaction with the rule as it is then. An export that was dropped wants nothing and has nobody. */
  #withRule<T>(exportNumber: number, work: (tx: Tx, rule: ExportRule) => Promise<T>): Promise<T> {
    return this.#store.transaction(async (tx) => {
      const row = await tx
        .selectFrom('export_rules')
        .select('rule')
        .where('export', '=', exportNumber)
        .executeTakeFirst()
      const rule = row === undefined ? nothingOf(exportNumber) : this.#parse(exportNumber, row.rule)
      return work(tx, rule)
    })
  }

  #parse(exportNumber: number, text: string): ExportRule {
    const known = this.#parsed.get(exportNumber)
    if (known?.text === text) return known.rule
    const rule = JSON.parse(text) as ExportRule
    this.#parsed.set(exportNumber, { text, rule })
    return rule
  }
}

/**
 * The vendor may know one person by several identifiers of one profile: what was removed by one of them is told again
 * where another one wants it, so that removing does not come last.
 */
function affirm(
  people: People,
  person: Person,
  removed: readonly string[],
  rule: ExportRule,
  nowMs: number,
): void {
  const slugs = slugsOf(rule)
  for (const other of people.of(person.profile)) {
    if (other === person) continue
    const wanted = other.wanted.flatMap((number) => slugs.get(number) ?? [])
    const again = removed.filter((slug) => wanted.includes(slug))
    if (again.length === 0) continue
    other.doubt = sorted([...other.doubt, ...again])
    changed(other, slugs, 'live', nowMs, 0)
    people.touch(other)
  }
}

/** The rule says otherwise than what is noted of them. */
function isOvertaken(person: Person, slugs: Slugs): boolean {
  const isDone = isNothing(toTell(person, slugs))
  return person.state === 'settled' ? !isDone : person.state === 'refused' || isDone
}

function nothingOf(exportNumber: number): ExportRule {
  return { export: exportNumber, audiences: [], identifiers: {}, existing: false, moves: 'both', waitMs: 0 }
}
