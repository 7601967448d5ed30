/** New events by the hour they happened in and by type: what an import filled. */

import { INDEXED_CHARS_MAX } from '../../store/schema.ts'

export interface TallyRow {
  /** Hours since the epoch; 0: the events have no time. */
  readonly hour: number
  readonly eventType: string
  readonly count: number
}

export class Tally {
  readonly #counts = new Map<string, Map<number, number>>()

  get empty(): boolean {
    return this.#counts.size === 0
  }

  add(eventType: string, hour: number, count = 1): void {
    const label = eventType.slice(0, INDEXED_CHARS_MAX)
    let hours = this.#counts.get(label)
    if (hours === undefined) {
      hours = new Map()
      this.#counts.set(label, hours)
    }
    hours.set(hour, (hours.get(hour) ?? 0) + count)
  }

  merge(other: Tally): void {
    for (const { eventType, hour, count } of other.rows()) this.add(eventType, hour, count)
  }

  /** In the order of their key in the store. */
  rows(): TallyRow[] {
    const rows: TallyRow[] = []
    for (const [eventType, hours] of this.#counts)
      for (const [hour, count] of hours) rows.push({ hour, eventType, count })
    return rows.sort((a, b) => a.hour - b.hour || (a.eventType < b.eventType ? -1 : 1))
  }
}
