/**
 * What is still to be told. A notice says that one recipient is to hear of one alert; it is queued in the transaction that raises or resolves
 * the alert, so that nobody is forgotten by a crash. Notices are folded into messages, and what is in a message never changes once
 * it is made: a message that is sent again, because the note that it was sent is missing, has the same id and the same alerts.
 * Owns the tables alert_notices and alert_messages.
 *
 * Message     left by
 * waiting     taken → sent; refused or no answer → waiting, later; GIVE_UP_MS after it was made → given_up; channel off or gone → cancelled
 * sent, given_up, cancelled   –
 */

import { randomUUID } from 'node:crypto'
import type { Selectable, Transaction } from 'kysely'
import type { AlertMessagesTable, Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { type Alert, alertFrom } from './alert.ts'

export type NoticeEvent = 'raised' | 'resolved'
export type MessageState = 'waiting' | 'sent' | 'given_up' | 'cancelled'

/** Who is told by which channel. */
export interface Hearer {
  readonly channel: string
  /** Address of a mail; '' for a webhook. */
  readonly recipient: string
}

export interface Message extends Hearer {
  readonly id: string
  readonly state: MessageState
  readonly attempts: number
  readonly answer: string
  readonly createdAt: number
  readonly nextAt: number
  readonly triedAt: number | null
}

/** An alert in a message, with what is told of it. */
export interface Told {
  readonly alert: Alert
  readonly isResolution: boolean
}

/** How an alert was told to one recipient. */
export interface Telling extends Hearer {
  readonly event: NoticeEvent
  /** null: it waits to be put into a message. */
  readonly message: Message | null
}

/** How long the first notice waits for company: trouble seldom comes alone. */
export const GATHER_MS = 2_000
export const HOUR_MS = 3_600_000
/** More alerts than this at once for one recipient go together. */
export const SINGLES_MAX = 3
/** Alerts that a message names; it says how many more there are. */
export const NAMED_MAX = 100

export async function queueRaised(
  tx: Transaction<Schema>,
  alert: string,
  hearers: readonly Hearer[],
  nowMs: number,
): Promise<void> {
  await queue(tx, alert, 'raised', hearers, nowMs)
}

/** Whoever is told of the trouble is told of its end, where the channel says so. */
export async function queueResolved(tx: Transaction<Schema>, alert: string, nowMs: number): Promise<void> {
  const told = await tx
    .selectFrom('alert_notices')
    .innerJoin('alert_channels', 'alert_channels.id', 'alert_notices.channel')
    .select(['alert_notices.channel', 'alert_notices.recipient', 'alert_channels.definition'])
    .where('alert_notices.alert', '=', alert)
    .where('alert_notices.event', '=', 'raised')
    .execute()
  const hearers = told.filter(({ definition }) => {
    const { enabled, resolved } = JSON.parse(definition) as { enabled: boolean; resolved: boolean }
    return enabled && resolved
  })
  await queue(tx, alert, 'resolved', hearers, nowMs)
}

async function queue(
  tx: Transaction<Schema>,
  alert: string,
  event: NoticeEvent,
  hearers: readonly Hearer[],
  nowMs: number,
): Promise<void> {
  if (hearers.length === 0) return
  const notices = hearers.map(({ channel, recipient }) => ({
    alert,
    event,
    channel,
    recipient,
    message: null,
    created_at: nowMs,
  }))
  await tx.insertInto('alert_notices').values(notices).execute()
}

/** Of a channel that is switched off or removed. */
export async function cancelChannel(tx: Transaction<Schema>, channel: string): Promise<void> {
  await tx.deleteFrom('alert_notices').where('channel', '=', channel).where('message', 'is', null).execute()
  await tx
    .updateTable('alert_messages')
    .set({ state: 'cancelled' })
    .where('channel', '=', channel)
    .where('state', '=', 'waiting')
    .execute()
}

/**
 * Puts the notices that waited long enough into messages: one for each alert, or one for all of a recipient when there are many or the hour
 * is used up. `perHourMax` by channel. Gives the moment of the next look; undefined: when something is queued.
 */
export function fold(
  store: Store,
  perHourMax: ReadonlyMap<string, number>,
  nowMs: number,
): Promise<number | undefined> {
  return store.transaction(async (tx) => {
    const groups = await tx
      .selectFrom('alert_notices')
      .select((e) => ['channel', 'recipient', e.fn.min('created_at').as('since')])
      .where('message', 'is', null)
      .groupBy(['channel', 'recipient'])
      .execute()
    let nextAt: number | undefined
    for (const { channel, recipient, since } of groups) {
      const readyAt = since + GATHER_MS
      const later =
        readyAt > nowMs
          ? readyAt
          : await foldFor(tx, { channel, recipient }, perHourMax.get(channel) ?? 1, nowMs)
      if (later !== undefined) nextAt = Math.min(nextAt ?? later, later)
    }
    return nextAt
  })
}

/** The last message that an hour has room for takes all that waits. Gives when the hour has room again, if it has none. */
async function foldFor(
  tx: Transaction<Schema>,
  hearer: Hearer,
  perHourMax: number,
  nowMs: number,
): Promise<number | undefined> {
  const recent = await tx
    .selectFrom('alert_messages')
    .select('created_at')
    .where('channel', '=', hearer.channel)
    .where('recipient', '=', hearer.recipient)
    .where('created_at', '>', nowMs - HOUR_MS)
    .orderBy('created_at', 'desc')
    .limit(perHourMax)
    .execute()
  const room = perHourMax - recent.length
  if (room === 0) return (recent.at(-1)?.created_at ?? nowMs) + HOUR_MS
  const waiting = await tx
    .selectFrom('alert_notices')
    .select('alert')
    .distinct()
    .where('channel', '=', hearer.channel)
    .where('recipient', '=', hearer.recipient)
    .where('message', 'is', null)
    .limit(SINGLES_MAX + 1)
    .execute()
  if (waiting.length > Math.min(SINGLES_MAX, room)) await makeMessage(tx, hearer, undefined, nowMs)
  else for (const { alert } of waiting) await makeMessage(tx, hearer, alert, nowMs)
  return undefined
}

/** Of one alert, or of all that wait. */
async function makeMessage(
  tx: Transaction<Schema>,
  { channel, recipient }: Hearer,
  alert: string | undefined,
  nowMs: number,
): Promise<void> {
  const id = randomUUID()
  await tx
    .insertInto('alert_messages')
    .values({
      id,
      channel,
      recipient,
      state: 'waiting',
      attempts: 0,
      answer: '',
      created_at: nowMs,
      next_at: nowMs,
      tried_at: null,
    })
    .execute()
  let carried = tx
    .updateTable('alert_notices')
    .set({ message: id })
    .where('channel', '=', channel)
    .where('recipient', '=', recipient)
    .where('message', 'is', null)
  if (alert !== undefined) carried = carried.where('alert', '=', alert)
  await carried.execute()
}

/** The message of a channel that is due next. */
export async function dueOf(
  { db }: Pick<Store, 'db'>,
  channel: string,
  nowMs: number,
): Promise<Message | undefined> {
  const row = await db
    .selectFrom('alert_messages')
    .selectAll()
    .where('state', '=', 'waiting')
    .where('channel', '=', channel)
    .where('next_at', '<=', nowMs)
    .orderBy('next_at')
    .orderBy('created_at')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : messageFrom(row)
}

/** Channels with messages that wait, and when the first of each is due. */
export async function waitingChannels({ db }: Pick<Store, 'db'>): Promise<{ channel: string; at: number }[]> {
  const rows = await db
    .selectFrom('alert_messages')
    .select((e) => ['channel', e.fn.min('next_at').as('at')])
    .where('state', '=', 'waiting')
    .groupBy('channel')
    .execute()
  return rows.map(({ channel, at }) => ({ channel, at }))
}

/** What a message tells: its alerts, oldest first and at most NAMED_MAX, and how many more there are. */
export async function contentOf(
  { db }: Pick<Store, 'db'>,
  message: string,
): Promise<{ told: Told[]; more: number }> {
  const rows = await db
    .selectFrom('alert_notices')
    .innerJoin('alerts', 'alerts.id', 'alert_notices.alert')
    .selectAll('alerts')
    .select((e) => e.fn.max('alert_notices.event').as('event'))
    .where('alert_notices.message', '=', message)
    .groupBy('alerts.id')
    .orderBy('alerts.created_at')
    .limit(NAMED_MAX)
    .execute()
  const { count } = await db
    .selectFrom('alert_notices')
    .select((e) => e.fn.count<number>('alert').distinct().as('count'))
    .where('message', '=', message)
    .executeTakeFirstOrThrow()
  // 'resolved' comes after 'raised': a message that has both tells the end.
  const told = rows.map((row) => ({ alert: alertFrom(row), isResolution: row.event === 'resolved' }))
  return { told, more: Number(count) - told.length }
}

/** What came of an attempt. Only of one that waits: its channel may have been switched off meanwhile. */
export async function noteAttempt(
  { db }: Pick<Store, 'db'>,
  { id, attempts }: Message,
  outcome: { readonly state: MessageState; readonly answer: string; readonly nextAt: number },
  nowMs: number,
): Promise<void> {
  await db
    .updateTable('alert_messages')
    .set({
      state: outcome.state,
      answer: outcome.answer,
      next_at: outcome.nextAt,
      attempts: attempts + 1,
      tried_at: nowMs,
    })
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .execute()
}

/** Messages of these channels are tried at once: something about the channel was mended. */
export async function hurry(
  { db }: Pick<Store, 'db'>,
  channels: readonly string[],
  nowMs: number,
): Promise<void> {
  if (channels.length === 0) return
  await db
    .updateTable('alert_messages')
    .set({ next_at: nowMs })
    .where('state', '=', 'waiting')
    .where('channel', 'in', channels)
    .execute()
}

/** How the alerts were told, by alert. */
export async function tellingsOf(
  { db }: Pick<Store, 'db'>,
  alerts: readonly string[],
): Promise<ReadonlyMap<string, Telling[]>> {
  const tellings = new Map<string, Telling[]>(alerts.map((alert) => [alert, []]))
  if (alerts.length === 0) return tellings
  const rows = await db
    .selectFrom('alert_notices')
    .leftJoin('alert_messages', 'alert_messages.id', 'alert_notices.message')
    .select([
      'alert_notices.alert',
      'alert_notices.event',
      'alert_notices.channel',
      'alert_notices.recipient',
    ])
    .select([
      'alert_messages.id',
      'alert_messages.state',
      'alert_messages.attempts',
      'alert_messages.answer',
      'alert_messages.created_at',
      'alert_messages.next_at',
      'alert_messages.tried_at',
    ])
    .where('alert_notices.alert', 'in', alerts)
    .orderBy('alert_notices.created_at')
    .execute()
  for (const { alert, event, channel, recipient, ...carried } of rows)
    tellings.get(alert)?.push({
      event: event as NoticeEvent,
      channel,
      recipient,
      message:
        carried.id === null
          ? null
          : messageFrom({ ...carried, channel, recipient } as Selectable<AlertMessagesTable>),
    })
  return tellings
}

/** Messages by state, by channel. */
export async function countsOf({
  db,
}: Pick<Store, 'db'>): Promise<ReadonlyMap<string, Partial<Record<MessageState, number>>>> {
  const rows = await db
    .selectFrom('alert_messages')
    .select((e) => ['channel', 'state', e.fn.countAll<number>().as('count')])
    .groupBy(['channel', 'state'])
    .execute()
  const counts = new Map<string, Partial<Record<MessageState, number>>>()
  for (const { channel, state, count } of rows)
    counts.set(channel, { ...counts.get(channel), [state]: Number(count) })
  return counts
}

function messageFrom(row: Selectable<AlertMessagesTable>): Message {
  return {
    id: row.id,
    channel: row.channel,
    recipient: row.recipient,
    state: row.state as MessageState,
    attempts: row.attempts,
    answer: row.answer,
    createdAt: row.created_at,
    nextAt: row.next_at,
    triedAt: row.tried_at,
  }
}
