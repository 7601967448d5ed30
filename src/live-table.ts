/** The table that `npm start` keeps in the terminal: one line per current, renewed each second; plain lines every ten where there is no terminal. */

import Table from 'cli-table3'
import type { Hub } from './hub.ts'

const TERMINAL_MS = 1_000
const PLAIN_MS = 10_000
const STORY_LINES_MAX = 6

interface Sample {
  readonly at: number
  readonly accepted: number
  readonly delivered: ReadonlyMap<number, number>
}

export class LiveTable {
  readonly #hub: Hub
  readonly #out: NodeJS.WriteStream
  readonly #story: string[] = []
  #last: Sample | undefined
  #lines = 0
  #timer: NodeJS.Timeout | undefined
  #drawing: Promise<void> = Promise.resolve()

  constructor(hub: Hub, out: NodeJS.WriteStream) {
    this.#hub = hub
    this.#out = out
  }

  start(): void {
    this.#timer = setInterval(
      () => {
        this.#drawing = this.#drawing
          .then(() => this.#draw())
          .catch((error: unknown) => this.#hub.logger.error({ err: error }, 'the table could not be drawn'))
      },
      this.#out.isTTY ? TERMINAL_MS : PLAIN_MS,
    )
  }

  /** Adds a sentence under the table. */
  tell(sentence: string): void {
    if (!this.#out.isTTY) this.#out.write(`${sentence}\n`)
    this.#story.push(sentence)
    if (this.#story.length > STORY_LINES_MAX) this.#story.shift()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#drawing
  }

  async #draw(): Promise<void> {
    const text = await this.#text()
    if (!this.#out.isTTY) {
      this.#out.write(`${text}\n`)
      return
    }
    const lines = [text, ...this.#story.map((sentence) => `  ${sentence}`)].join('\n')
    const up = this.#lines === 0 ? '' : `\x1b[${this.#lines}A\x1b[0J`
    this.#out.write(`${up}${lines}\n`)
    this.#lines = lines.split('\n').length
  }

  async #text(): Promise<string> {
    const { delivery, currents, log, clock } = this.#hub
    const now = clock.now()
    const statuses = await Promise.all(
      (await currents.list()).map((current) => delivery.status(current.number)),
    )
    const sample: Sample = {
      at: now,
      accepted: log.head,
      delivered: new Map(statuses.map((status) => [status.current.number, status.stats.delivered])),
    }
    const before = this.#last ?? sample
    this.#last = sample
    const seconds = Math.max(1, now - before.at) / 1000
    const table = new Table({
      head: ['current', 'state', 'ev/s', 'delivered', 'filtered', 'dead', 'pending', 'lag'],
      colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
      style: { head: this.#out.isTTY ? ['cyan'] : [], border: [], compact: true },
    })
    for (const { current, stats, pending, oldestUnsettledAt } of statuses) {
      const rate = (stats.delivered - (before.delivered.get(current.number) ?? stats.delivered)) / seconds
      table.push([
        current.name,
        current.state,
        rate.toFixed(0),
        grouped(stats.delivered),
        grouped(stats.filtered),
        grouped(stats.dead),
        grouped(pending),
        oldestUnsettledAt === undefined ? '–' : `${((now - oldestUnsettledAt) / 1000).toFixed(1)} s`,
      ])
    }
    const rate = (sample.accepted - before.accepted) / seconds
    return `accepted ${grouped(log.head)} events, ${rate.toFixed(0)} per second\n${table.toString()}`
  }
}

function grouped(count: number): string {
  return count.toLocaleString('en')
}
