/** Ways out of the house: mail servers and webhooks, each with a rule that says which alerts it takes. Owns the table alert_channels. */

import { randomBytes } from 'node:crypto'
import type { Selectable, Transaction } from 'kysely'
import * as z from 'zod'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { Address } from '../destinations/address.ts'
import type { AlertChannelsTable, Schema } from '../store/schema.ts'
import { type Store, violatesUnique } from '../store/store.ts'
import { ABOUT_SORTS, type About, ALERT_KINDS, type AlertKind, aboutText } from './alert.ts'
import { MailServer } from './mail-server.ts'
import { cancelChannel, type Hearer } from './outbox.ts'

const RECIPIENTS_MAX = 20
const PATTERNS_MAX = 100
const PER_HOUR_DEFAULT = 10

const Pattern = z
  .string()
  .regex(
    new RegExp(`^((${ABOUT_SORTS.join('|')}):)?[^\\s:]{1,100}$`),
    'A pattern is a name, as in orders-*, perhaps behind current:, activation: or export:',
  )

const shared = {
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'A name is a-z, 0-9 and hyphens, at most 63'),
  enabled: z
    .boolean()
    .default(true)
    .describe('Switched off, it takes no new alerts, and what waits is cancelled.'),
  authorization: z
    .string()
    .min(1)
    .max(200)
    .nullable()
    .default(null)
    .describe('Id of the authorization with the credentials; null: none.'),
  kinds: z
    .array(z.enum(ALERT_KINDS))
    .max(ALERT_KINDS.length)
    .default([])
    .describe('Takes only these kinds of alerts; empty: all.'),
  subjects: z
    .array(Pattern)
    .max(PATTERNS_MAX)
    .default([])
    .describe(
      'Takes only alerts about these, as in current:orders-*, activation:vip or *-eu; a star stands for any characters. Empty: all.',
    ),
  resolved: z.boolean().default(true).describe('Also says when it is over.'),
  perHourMax: z
    .int()
    .min(1)
    .max(1_000)
    .default(PER_HOUR_DEFAULT)
    .describe('Messages an hour to each recipient; what is more goes together in one.'),
}

export const MailChannel = z.strictObject({
  kind: z.literal('mail'),
  ...shared,
  settings: MailServer.extend({
    sender: z.email().max(254).describe('Address that mails come from.'),
  }),
  to: z
    .array(z.email().max(254))
    .max(RECIPIENTS_MAX)
    .default([])
    .describe('Who gets the alerts that the rule takes.'),
  contacts: z
    .boolean()
    .default(true)
    .describe('Also mails each alert to its own contact, whatever the rule says. One channel may.'),
})

export const WebhookChannel = z.strictObject({
  kind: z.literal('webhook'),
  ...shared,
  settings: z.strictObject({
    url: Address.nullable()
      .default(null)
      .describe(
        'Where alerts are posted; null: the authorization holds the address, because it is a secret.',
      ),
  }),
})

export const ChannelDefinition = z
  .discriminatedUnion('kind', [MailChannel, WebhookChannel])
  .superRefine((channel, context) => {
    if (channel.kind === 'webhook' && channel.settings.url === null && channel.authorization === null)
      context.addIssue({
        code: 'custom',
        path: ['settings', 'url'],
        message: 'Say where: here, or in an authorization',
      })
  })
export type ChannelDefinition = z.output<typeof ChannelDefinition>
export type MailChannel = z.output<typeof MailChannel>
export type WebhookChannel = z.output<typeof WebhookChannel>

export interface Channel {
  readonly id: string
  readonly definition: ChannelDefinition
  readonly createdAt: number
  readonly updatedAt: number
  /** When a message was last taken, and when one was last tried; null: never. */
  readonly toldAt: number | null
  readonly triedAt: number | null
  /** What was answered to the last try. */
  readonly answer: string
}

export class Channels {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** By name. */
  list(): Promise<Channel[]> {
    return channelsOf(this.#store.db)
  }

  /** By id or name. Throws ALERT_CHANNEL_UNKNOWN. */
  async get(which: string): Promise<Channel> {
    const row = await this.#store.db
      .selectFrom('alert_channels')
      .selectAll()
      .where((e) => e.or([e('id', '=', which), e('name', '=', which)]))
      .executeTakeFirst()
    if (row === undefined)
      throw new ThalwegError(
        'ALERT_CHANNEL_UNKNOWN',
        `There is no channel for alerts ${JSON.stringify(which)}`,
      )
    return channelFrom(row)
  }

  /** Throws ALERT_CHANNEL_INVALID when the name is taken, or another channel mails the contacts already. */
  async create(definition: ChannelDefinition): Promise<Channel> {
    const id = `chan_${randomBytes(8).toString('hex')}`
    const now = this.#clock.now()
    await namedOnce(definition, () =>
      this.#store.transaction(async (tx) => {
        await refuseSecondPost(tx, id, definition)
        await tx
          .insertInto('alert_channels')
          .values({
            id,
            name: definition.name,
            definition: JSON.stringify(definition),
            created_at: now,
            updated_at: now,
            told_at: null,
            tried_at: null,
            answer: '',
          })
          .execute()
      }),
    )
    return this.get(id)
  }

  /** Replaces the definition; the kind stays. What waits goes the new way; of a channel that is switched off it is cancelled. */
  async change(id: string, definition: ChannelDefinition): Promise<Channel> {
    await namedOnce(definition, () =>
      this.#store.transaction(async (tx) => {
        await refuseSecondPost(tx, id, definition)
        await tx
          .updateTable('alert_channels')
          .set({
            name: definition.name,
            definition: JSON.stringify(definition),
            updated_at: this.#clock.now(),
          })
          .where('id', '=', id)
          .execute()
        if (!definition.enabled) await cancelChannel(tx, id)
      }),
    )
    return this.get(id)
  }

  /** What waits is cancelled; what was sent stays on record. */
  async remove(id: string): Promise<void> {
    await this.#store.transaction(async (tx) => {
      await cancelChannel(tx, id)
      await tx.deleteFrom('alert_channels').where('id', '=', id).execute()
    })
  }

  async noteTry(id: string, isTaken: boolean, answer: string): Promise<void> {
    const now = this.#clock.now()
    await this.#store.db
      .updateTable('alert_channels')
      .set({ tried_at: now, answer, ...(isTaken ? { told_at: now } : {}) })
      .where('id', '=', id)
      .execute()
  }

  /** Names of the channels that use an authorization. */
  async usersOf(authorization: string): Promise<string[]> {
    return (await this.list())
      .filter(({ definition }) => definition.authorization === authorization)
      .map(({ definition }) => definition.name)
  }
}

/** Who hears of an alert: pairs of channel and recipient, each once. */
export async function hearersOf(
  tx: Transaction<Schema>,
  alert: { readonly kind: AlertKind; readonly contact: string; readonly about: About },
): Promise<Hearer[]> {
  const hearers: Hearer[] = []
  for (const { id, definition } of await channelsOf(tx)) {
    if (!definition.enabled) continue
    const isTaken = takes(definition, alert.kind, alert.about)
    if (definition.kind === 'webhook') {
      if (isTaken) hearers.push({ channel: id, recipient: '' })
      continue
    }
    const addresses = [...(isTaken ? definition.to : []), ...(definition.contacts ? [alert.contact] : [])]
    const each = new Map(addresses.map((address) => [address.toLowerCase(), address]))
    for (const recipient of each.values()) hearers.push({ channel: id, recipient })
  }
  return hearers
}

/** Whether the rule of a channel takes an alert. */
export function takes(
  { kinds, subjects }: Pick<ChannelDefinition, 'kinds' | 'subjects'>,
  kind: AlertKind,
  about: About,
): boolean {
  if (kinds.length > 0 && !kinds.includes(kind)) return false
  return subjects.length === 0 || subjects.some((pattern) => covers(pattern, about))
}

function covers(pattern: string, about: About): boolean {
  const [text, whole] = pattern.includes(':') ? [aboutText(about), pattern] : [about.name, pattern]
  const words = whole.split('*').map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${words.join('.*')}$`, 's').test(text)
}

async function channelsOf(db: Pick<Store['db'], 'selectFrom'>): Promise<Channel[]> {
  const rows = await db.selectFrom('alert_channels').selectAll().orderBy('name').execute()
  return rows.map(channelFrom)
}

function channelFrom(row: Selectable<AlertChannelsTable>): Channel {
  return {
    id: row.id,
    definition: ChannelDefinition.parse(JSON.parse(row.definition)),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    toldAt: row.told_at,
    triedAt: row.tried_at,
    answer: row.answer,
  }
}

/** A contact hears of an alert once, so one channel tells contacts. */
async function refuseSecondPost(
  tx: Transaction<Schema>,
  id: string,
  definition: ChannelDefinition,
): Promise<void> {
  if (definition.kind !== 'mail' || !definition.contacts) return
  const other = (await channelsOf(tx)).find(
    (channel) => channel.id !== id && channel.definition.kind === 'mail' && channel.definition.contacts,
  )
  if (other !== undefined)
    throw new ThalwegError(
      'ALERT_CHANNEL_INVALID',
      `The channel ${other.definition.name} mails the contacts already: say "contacts": false here, or there first`,
    )
}

async function namedOnce({ name }: ChannelDefinition, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!violatesUnique(error)) throw error
    throw new ThalwegError('ALERT_CHANNEL_INVALID', `Another channel is called ${name}`, { cause: error })
  }
}
