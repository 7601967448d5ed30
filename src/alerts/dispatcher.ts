/**
 * Sends what the outbox holds, by mail and webhook. One message of a channel after another, channels side by side: a server that is slow holds
 * up its own channel only. A message that is not taken is tried again with growing waits for GIVE_UP_MS, then given up for everybody to see.
 * A process that ends between an answer and its note sends that one message again, under the same id.
 */

import type { Clock } from '../core/clock.ts'
import type { ThalwegError } from '../core/errors.ts'
import { ANSWER_CHARS_MAX } from '../core/fault.ts'
import { fitting } from '../core/provider.ts'
import type { Random } from '../core/random.ts'
import type { Lease } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import type { Alerts } from './alerts.ts'
import type { Attempt } from './attempt.ts'
import type { Channel, Channels } from './channels.ts'
import { type Mail, sendMail } from './mail.ts'
import { MailCredentials } from './mail-server.ts'
import {
  contentOf,
  dueOf,
  fold,
  hurry,
  type Message,
  noteAttempt,
  type Told,
  waitingChannels,
} from './outbox.ts'
import { callWebhook, type Send, WebhookCredentials } from './webhook.ts'
import { alertJson, letterOf, testLetter } from './words.ts'

export interface DispatcherParts {
  readonly store: Store
  /** Under which alerts are told here. */
  readonly lease: Lease
  /** Has the node that tells them look, where it is another one. */
  readonly tellOthers?: () => Promise<void>
  readonly clock: Clock
  readonly random: Random
  readonly alerts: Alerts
  readonly channels: Channels
  /** The credentials of an authorization. Throws AUTHORIZATION_UNKNOWN, SEALING_KEY. */
  readonly reveal: (authorization: string) => Promise<unknown>
  readonly send: Send
  /** Where the console is, without a slash at its end. */
  readonly consoleUrl: () => string
  readonly logger: DispatcherLogger
  /** At the latest, it looks again after so long. Default a minute. */
  readonly lookMs?: number | undefined
}

export interface DispatcherLogger {
  info(about: object, message: string): void
  warn(about: object, message: string): void
  error(about: object, message: string): void
}

export const GIVE_UP_MS = 86_400_000
const RETRY_MS_MIN = 5_000
const RETRY_MS_MAX = 900_000
const RETRY_AFTER_MS_MAX = 3_600_000
/** When the store cannot be asked. */
const TROUBLE_MS = 5_000
/** Even if nobody says that something was queued, as another process may have done. */
const LOOK_MS_MAX = 60_000

export class Dispatcher {
  readonly #parts: DispatcherParts
  #stopping = new AbortController()
  /** Of what is sent; what an operator changes is not fenced. */
  readonly #outbox: Store
  #isStarted = false
  /** Channels at work. */
  readonly #busy = new Map<string, Promise<void>>()
  #looking: Promise<void> | undefined
  /** Something changed while we looked. */
  #again = false
  #cancelLook: () => void = () => undefined

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.#outbox = parts.store.fencedBy(parts.lease)
    parts.alerts.onQueued = () => this.wake()
  }

  /** Also after a stop. */
  start(): void {
    this.#isStarted = true
    this.#stopping = new AbortController()
    this.wake()
  }

  /** Ends what is under way; it is sent again after the next start. */
  async stop(): Promise<void> {
    this.#isStarted = false
    this.#stopping.abort()
    this.#cancelLook()
    await this.#looking
    await Promise.all(this.#busy.values())
    // A test is sent whoever tells the alerts.
    this.#stopping = new AbortController()
  }

  /** Looks now, if it is started. */
  wake(): void {
    if (!this.#isStarted) return
    if (this.#looking !== undefined) {
      this.#again = true
      return
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined
      if (!this.#again) return
      this.#again = false
      this.wake()
    })
  }

  /** Messages of these channels are tried at once. */
  async channelsChanged(ids: readonly string[]): Promise<void> {
    await hurry(this.#parts.store, ids, this.#parts.clock.now())
    this.wake()
    await this.#parts.tellOthers?.()
  }

  /** Channels whose messages use this authorization try again at once. */
  async authorizationChanged(id: string): Promise<void> {
    const users = (await this.#parts.channels.list()).filter(
      ({ definition }) => definition.authorization === id,
    )
    await this.channelsChanged(users.map((channel) => channel.id))
  }

  /** Sends a test now, past the outbox. `recipient`: of a mail. */
  async test(channel: Channel, recipient: string, id: string): Promise<Attempt> {
    const { name } = channel.definition
    const letter = testLetter(name, this.#pageOf)
    const attempt = await this.#carry(
      channel,
      { ...letter, id, to: recipient },
      { event: 'alert.test', text: letter.text, channel: name, alerts: [], more: 0 },
    )
    await this.#parts.channels.noteTry(channel.id, attempt.isTaken, answerOf(attempt))
    return attempt
  }

  async #look(): Promise<void> {
    this.#cancelLook()
    const { clock, channels, logger } = this.#parts
    const store = this.#outbox
    let nextAt = clock.now() + (this.#parts.lookMs ?? LOOK_MS_MAX)
    try {
      const perHourMax = new Map(
        (await channels.list()).map(({ id, definition }) => [id, definition.perHourMax]),
      )
      nextAt = Math.min(nextAt, (await fold(store, perHourMax, clock.now())) ?? nextAt)
      for (const { channel, at } of await waitingChannels(store)) {
        if (at > clock.now()) nextAt = Math.min(nextAt, at)
        else this.#begin(channel)
      }
    } catch (error) {
      logger.error({ err: error }, 'alerts that are to be told cannot be read; looking again soon')
      nextAt = clock.now() + TROUBLE_MS
    }
    if (this.#stopping.signal.aborted) return
    this.#cancelLook = clock.after(Math.max(0, nextAt - clock.now()), () => this.wake())
  }

  #begin(channel: string): void {
    if (this.#busy.has(channel)) return
    const { logger, clock } = this.#parts
    const work = this.#empty(channel)
      .catch(async (error: unknown) => {
        logger.error({ err: error, channel }, 'alerts of a channel could not be sent; trying again soon')
        await clock.sleep(TROUBLE_MS, this.#stopping.signal)
      })
      .finally(() => {
        this.#busy.delete(channel)
        this.wake()
      })
    this.#busy.set(channel, work)
  }

  /** Sends what is due of one channel, one message after another. */
  async #empty(id: string): Promise<void> {
    const { lease, clock, channels } = this.#parts
    while (!this.#stopping.signal.aborted) {
      const message = await dueOf(this.#outbox, id, clock.now())
      if (message === undefined) return
      const channel = await channels.get(id)
      if (!lease.mayAct()) return
      const attempt = await this.#attempt(channel, message)
      if (this.#stopping.signal.aborted && !attempt.isTaken) return
      await this.#note(channel, message, attempt)
    }
  }

  async #attempt(channel: Channel, message: Message): Promise<Attempt> {
    const content = await contentOf(this.#parts.store, message.id)
    const { told, more } = content
    const letter = letterOf(content, whyOf(channel, message), this.#pageOf)
    return this.#carry(
      channel,
      { ...letter, id: message.id, to: message.recipient },
      {
        event: eventOf(told, more),
        text: letter.text,
        channel: channel.definition.name,
        alerts: told.map((one) => alertJson(one, this.#pageOf)),
        more,
      },
    )
  }

  async #carry(
    { definition }: Channel,
    mail: Mail,
    body: Readonly<Record<string, unknown>>,
  ): Promise<Attempt> {
    const { reveal, send, clock } = this.#parts
    const { signal } = this.#stopping
    try {
      const { authorization } = definition
      const secrets = authorization === null ? undefined : await reveal(authorization)
      if (definition.kind === 'mail') {
        const credentials =
          secrets === undefined ? undefined : fitting(MailCredentials, secrets, 'credentials')
        return await sendMail(definition.settings, credentials, mail, signal)
      }
      const credentials =
        secrets === undefined ? undefined : fitting(WebhookCredentials, secrets, 'credentials')
      const call = { id: mail.id, body: { id: mail.id, ...body } }
      return await callWebhook(definition.settings, credentials, call, { send, nowMs: clock.now() }, signal)
    } catch (error) {
      // A lost sealing key, an authorization of another provider: mended by a person, like a refusal.
      const { message } = error as ThalwegError
      return { isTaken: false, fault: { kind: 'misconfigured', message } }
    }
  }

  async #note(channel: Channel, message: Message, attempt: Attempt): Promise<void> {
    const { clock, channels, logger } = this.#parts
    const now = clock.now()
    const answer = answerOf(attempt)
    const nextAt = attempt.isTaken ? now : now + this.#waitMs(message, attempt.fault.retryAfterMs)
    const state = attempt.isTaken ? 'sent' : nextAt - message.createdAt > GIVE_UP_MS ? 'given_up' : 'waiting'
    await noteAttempt(this.#outbox, message, { state, answer, nextAt }, now)
    await channels.noteTry(channel.id, attempt.isTaken, answer)
    const about = { channel: channel.definition.name, message: message.id, answer }
    if (state === 'given_up') logger.error(about, 'an alert could not be told within a day and is given up')
    else if (state === 'waiting') logger.warn(about, 'an alert could not be told; trying again')
    else logger.info(about, 'an alert was told')
  }

  #waitMs({ attempts }: Message, retryAfterMs = 0): number {
    const doubled = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** attempts)
    const jittered = doubled * (0.75 + this.#parts.random() / 2)
    return Math.round(Math.max(jittered, Math.min(retryAfterMs, RETRY_AFTER_MS_MAX)))
  }

  readonly #pageOf = (path: string): string => `${this.#parts.consoleUrl()}${path}`
}

export function answerOf(attempt: Attempt): string {
  const text = attempt.isTaken ? attempt.answer : attempt.fault.message
  const more = attempt.isTaken ? '' : (attempt.fault.answer ?? '')
  return (more === '' || text.includes(more) ? text : `${text}: ${more}`).slice(0, ANSWER_CHARS_MAX)
}

function eventOf(told: readonly Told[], more: number): string {
  const [only] = told
  if (only === undefined || told.length > 1 || more > 0) return 'alert.digest'
  return only.isResolution ? 'alert.resolved' : 'alert.raised'
}

function whyOf({ definition }: Channel, { id, recipient }: Message): string {
  const why =
    definition.kind === 'mail' && !definition.to.includes(recipient)
      ? 'You get this because your address is the contact of what it is about'
      : `This goes to the channel ${definition.name}`
  return `${why}. Message ${id}.`
}
