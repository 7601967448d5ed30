/**
 * Live updates as server-sent events: one `status` event a second with the numbers of everything, and an
 * `alert` event for each alert that is raised or resolved. Each status stands alone, so a client that was
 * away misses nothing; alerts since its Last-Event-ID are sent again. A client that does not read is cut off,
 * so that its buffer stays bounded.
 */

import type { ServerResponse } from 'node:http'
import type { Alert } from '../alerts/alert.ts'
import { ThalwegError } from '../core/errors.ts'
import type { ApiParts } from './parts.ts'
import type { Beat, Pulse } from './pulse.ts'

export const CLIENTS_MAX = 100
/** Bytes that may wait for one client. */
export const BACKLOG_BYTES_MAX = 262_144
const EVERY_MS = 1_000
/** So many ticks pass before a client is asked again whether it still may listen. */
const ASKED_EVERY = 5
/** What a client waits before it comes again. */
const RETRY_MS = 2_000

export class LiveStreams {
  readonly #parts: ApiParts
  readonly #pulse: Pulse
  /** Each with the question whether whoever listens still may. */
  readonly #clients = new Map<ServerResponse, () => Promise<boolean>>()
  #ticks = 0
  readonly #alertsSeen = new Map<string, number | null>()
  #timer: NodeJS.Timeout | undefined
  #ticking = false

  constructor(parts: ApiParts, pulse: Pulse) {
    this.#parts = parts
    this.#pulse = pulse
  }

  get clients(): number {
    return this.#clients.size
  }

  /** Throws LIVE_FULL when CLIENTS_MAX streams are open: call before anything is sent. */
  refuseWhenFull(): void {
    if (this.#clients.size >= CLIENTS_MAX)
      throw new ThalwegError(
        'LIVE_FULL',
        `${CLIENTS_MAX} live streams are open; close one or come again later`,
      )
  }

  /**
   * Takes over the answer. `since` is the time in the Last-Event-ID that the client came with; `may` is asked now and then, as a
   * stream outlives the session or token that it was opened by.
   */
  async open(
    response: ServerResponse,
    since: number | undefined,
    may: () => Promise<boolean>,
  ): Promise<void> {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    response.write(`retry: ${RETRY_MS}\n\n`)
    if (this.#clients.size === 0) await this.#noteAlerts()
    this.#clients.set(response, may)
    response.on('close', () => this.#left(response))
    response.on('error', () => this.#left(response))
    if (response.destroyed) return this.#left(response)
    if (since !== undefined) await this.#catchUp(response, since)
    this.#timer ??= setInterval(() => void this.#tick(), EVERY_MS).unref()
    await this.#tick()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const client of this.#clients.keys()) client.end()
    this.#clients.clear()
  }

  #left(client: ServerResponse): void {
    this.#clients.delete(client)
    if (this.#clients.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #tick(): Promise<void> {
    // A beat that takes longer than a second must not pile up behind itself.
    if (this.#ticking) return
    this.#ticking = true
    try {
      if (++this.#ticks % ASKED_EVERY === 0) await this.#showOut()
      const beat = await this.#pulse.beat()
      this.#send(eventText('status', beat.at, statusOf(beat)))
      for (const alert of await this.#freshAlerts()) this.#send(eventText('alert', beat.at, alert))
    } catch (error) {
      this.#parts.logger.warn({ err: error }, 'the live stream could not tell the state')
      this.#send(': the state cannot be told now\n\n')
    } finally {
      this.#ticking = false
    }
  }

  async #showOut(): Promise<void> {
    for (const [client, may] of this.#clients) if (!(await may())) client.end()
  }

  #send(text: string): void {
    for (const client of this.#clients.keys()) {
      if (client.writableLength > BACKLOG_BYTES_MAX) {
        this.#parts.logger.warn(
          { waitingBytes: client.writableLength },
          'a live client does not read: cut off',
        )
        client.destroy()
      } else client.write(text)
    }
  }

  async #catchUp(client: ServerResponse, since: number): Promise<void> {
    for (const alert of await this.#parts.alerts.list()) {
      const changedAt = alert.resolvedAt ?? alert.createdAt
      if (changedAt >= since && !client.destroyed) client.write(eventText('alert', changedAt, alert))
    }
  }

  async #noteAlerts(): Promise<void> {
    this.#alertsSeen.clear()
    for (const alert of await this.#parts.alerts.list()) this.#alertsSeen.set(alert.id, alert.resolvedAt)
  }

  /** Raised or resolved since the last look. */
  async #freshAlerts(): Promise<Alert[]> {
    const alerts = await this.#parts.alerts.list()
    const fresh = alerts.filter((alert) => this.#alertsSeen.get(alert.id) !== alert.resolvedAt)
    this.#alertsSeen.clear()
    for (const alert of alerts) this.#alertsSeen.set(alert.id, alert.resolvedAt)
    return fresh.reverse()
  }
}

export function eventText(event: string, at: number, data: unknown): string {
  return `id: ${at}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/** What a status event says. */
export function statusOf(beat: Beat) {
  const { log, sources, currents } = beat
  return {
    at: beat.at,
    log: {
      state: log.state,
      head: log.head,
      tail: log.tail,
      bytes: log.stats.bytes,
      waitingBytes: log.stats.waitingBytes,
    },
    drift: { unacknowledged: beat.unacknowledgedFindings },
    sources: sources.map(({ number, name, counts }) => ({
      number,
      name,
      requests: counts.requests,
      accepted: counts.accepted,
      duplicates: counts.duplicates,
      quarantined: counts.quarantined,
      bytes: counts.bytes,
    })),
    currents: currents.map(({ number, name, state, stateReason, lagMs, status, counts }) => ({
      number,
      name,
      state,
      stateReason,
      delivered: counts.delivered,
      filtered: counts.filtered,
      dead: counts.dead,
      pending: status.pending,
      requests: counts.requests,
      gate: status.gate,
      retryAt: status.retryAt ?? null,
      lagMs,
    })),
  }
}
