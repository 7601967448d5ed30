/** Reads that no memory serves: messages are got from the servers and taken apart. */

import type { FrameView } from '../frame.ts'
import type { Gap, LogRun } from '../log.ts'
import { trimmed } from '../refusals.ts'
import { framesOf, type Message } from './message.ts'
import type { StretchIndex } from './stretch-index.ts'
import type { Place } from './stretches.ts'

/** Got at once, as far as the average size of their stretch lets expect that they are asked for. */
const GETS_MAX = 32

export interface StreamReadsParts {
  readonly index: StretchIndex
  /** Head and tail as they are. */
  readonly log: { readonly head: number; readonly tail: number }
  get(seq: number): Promise<Message | undefined>
  /** Asks what other hubs trimmed meanwhile. */
  lookForTrimmed(): Promise<void>
  /** Told of what cannot be read. */
  onGap(gap: Gap): void
  /** A place in the stream, for the operator. */
  where(seq: number): string
}

export class StreamReads {
  readonly #parts: StreamReadsParts

  constructor(parts: StreamReadsParts) {
    this.#parts = parts
  }

  /** As `Log.read`, for an offset between tail and head. */
  async read(from: number, bytesMax: number): Promise<LogRun> {
    const { index, log } = this.#parts
    const [stretch, behind] = index.at(from)
    if (stretch === undefined) throw trimmed(from, log.tail)
    if (from >= stretch.end) return this.#hole(from, behind?.base ?? log.head, stretch.lastSeq + 1)
    const places = await index.placesOf(stretch)
    const first = places.indexOf(from)
    const place = places.at(first)
    if (place === undefined || place.base > from)
      return this.#hole(from, place?.base ?? stretch.end, place?.seq ?? stretch.lastSeq + 1)
    const many = Math.ceil((bytesMax * places.count) / Math.max(1, stretch.bytes))
    return await this.#readPlaces(places.run(first, Math.min(Math.max(1, many), GETS_MAX)), from, bytesMax)
  }

  async #readPlaces(wanted: readonly Place[], from: number, bytesMax: number): Promise<LogRun> {
    const { log, get, lookForTrimmed } = this.#parts
    const messages = await Promise.all(wanted.map(({ seq }) => get(seq)))
    if (messages.includes(undefined)) await lookForTrimmed()
    const frames: FrameView[] = []
    const gaps: Gap[] = []
    let bytes = 0
    let next = from
    for (const [i, place] of wanted.entries()) {
      const message = messages[i]
      if (message === undefined && place.base < log.tail) throw trimmed(from, log.tail)
      const found = message === undefined ? undefined : framesOf(message, place.base)
      if (found === undefined) {
        gaps.push(this.#gapAt(place, from, message === undefined))
        next = place.end
        continue
      }
      for (const frame of found) {
        const behind = frame.baseOffset + frame.count
        if (behind <= from) continue
        bytes += frame.bytes.length
        if (frames.length > 0 && bytes > bytesMax) return { frames, next, gaps }
        frames.push(frame)
        next = behind
      }
    }
    return { frames, next, gaps }
  }

  #gapAt({ seq, base, end }: Place, from: number, isMissing: boolean): Gap {
    const { onGap, where } = this.#parts
    const what = isMissing ? 'it is missing' : 'its bytes do not check out'
    const gap = { from: base, to: end, where: `${where(seq)}: ${what}` }
    onGap(gap)
    return { ...gap, from: Math.max(from, base) }
  }

  /** Reported when it was found. */
  #hole(from: number, to: number, before: number): LogRun {
    const where = `${this.#parts.where(before)}: messages before it are missing`
    return { frames: [], next: to, gaps: [{ from, to, where }] }
  }
}
