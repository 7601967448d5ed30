/**
 * Which messages of the stream hold which offsets and ids: the stretches that a hub knows, the open one that grows, and those of which only the
 * facts are in memory, whose rest is read from this folder, or from the stream again when it is not there.
 */

import { ThalwegError } from '../../core/errors.ts'
import type { FrameView } from '../frame.ts'
import { type FrameIdentities, SegmentIdentities } from '../identity-index.ts'
import { partAt } from '../lookups.ts'
import { framesOf, type Message } from './message.ts'
import { Numbering } from './numbering.ts'
import { Places, Stretch, StretchFiles } from './stretches.ts'

/** Sealed stretches whose places stay in memory. */
const PLACES_KEPT_MAX = 64

export interface StretchIndexParts {
  readonly directory: string
  /** From this size on a stretch is sealed. */
  readonly stretchBytes: number
  /** Messages of the stream from one sequence to another, both included, in order; without those that are not there. */
  messages(from: number, to: number): AsyncIterable<Message>
  /** Told of records whose message does not check out. */
  onBroken(message: Message, from: number, to: number): void
  onTrouble(error: ThalwegError): void
}

export class StretchIndex {
  /** In order; the last one is the open one, once there is one. */
  readonly list: Stretch[] = []
  readonly #parts: StretchIndexParts
  readonly #files: StretchFiles
  #createdAt = ''
  #open: Stretch | undefined
  #openIdentities = new SegmentIdentities()
  /** Of the open one, too: it is being followed. */
  #isLive = false
  #writing: Promise<unknown> = Promise.resolve()

  constructor(parts: StretchIndexParts) {
    this.#parts = parts
    this.#files = new StretchFiles(parts.directory)
  }

  /** What this folder knows of the stream that was made at `createdAt`, within these sequences. */
  async load(createdAt: string, firstSeq: number, lastSeq: number): Promise<void> {
    this.#createdAt = createdAt
    const remembered = await this.#files.list(createdAt)
    this.list.push(
      ...remembered.filter((stretch) => stretch.lastSeq >= firstSeq && stretch.lastSeq <= lastSeq),
    )
  }

  /** What is remembered is of another stream. */
  forget(): void {
    this.list.length = 0
    this.#open = undefined
  }

  /** From here on frames come with their messages: they begin a stretch of their own. */
  goLive(nextSeq: number, head: number): void {
    if (this.#open?.isEmpty !== true) this.#begin(nextSeq, head)
    this.#isLive = true
  }

  isOpen(stretch: Stretch): boolean {
    return stretch === this.#open
  }

  get isEmpty(): boolean {
    return this.list.every(({ isEmpty }) => isEmpty)
  }

  /** Takes in the next message: its records are [base, end). */
  take(seq: number, base: number, end: number, bytes: number, receivedAtMax: number): void {
    this.#stretchFor(seq, base).grow(seq, base, end, bytes, receivedAtMax)
  }

  /** Takes in a frame of the message that was taken in last. */
  add(frame: FrameView): void {
    const open = this.#open
    if (open !== undefined) this.#openIdentities.add(frame, open.lastSeq - open.firstSeq)
  }

  /** The frame that was added last. */
  last(): FrameIdentities | undefined {
    return this.#openIdentities.last()
  }

  /** After a message and its frames were taken in. */
  sealIfFull(): void {
    const open = this.#open
    if (open === undefined || open.bytes < this.#parts.stretchBytes) return
    if (this.#isLive) this.#seal(open)
    this.#begin(open.lastSeq + 1, open.end)
  }

  /** The last stretch that begins at or before an offset, and the one behind it. */
  at(offset: number): readonly [Stretch | undefined, Stretch | undefined] {
    const i = partAt(this.list, offset)
    return [this.list[i], this.list[i + 1]]
  }

  /** Where the records of a message begin; undefined when it has none, or is not known. */
  async baseOf(seq: number): Promise<number | undefined> {
    const stretch = this.list.find(({ firstSeq, lastSeq }) => firstSeq <= seq && seq <= lastSeq)
    if (stretch === undefined) return undefined
    const places = await this.placesOf(stretch)
    const place = places.at(places.indexOfSeq(seq))
    return place?.seq === seq ? place.base : undefined
  }

  async placesOf(stretch: Stretch): Promise<Places> {
    if (stretch.places !== undefined) return stretch.places
    const places = Places.of(await this.identitiesOf(stretch), stretch.firstSeq)
    const kept = this.list.filter((one) => one.places !== undefined && one !== this.#open)
    if (kept.length >= PLACES_KEPT_MAX && kept[0] !== undefined) kept[0].places = undefined
    stretch.places = places
    return places
  }

  async identitiesOf(stretch: Stretch): Promise<SegmentIdentities> {
    if (stretch === this.#open) return this.#openIdentities
    return stretch.identities ?? (await this.#files.identities(stretch)) ?? (await this.#rebuild(stretch))
  }

  /** Forgets what lies before a sequence; the offset of the first record that is left. */
  async trim(firstSeq: number, head: number): Promise<number> {
    while (this.list.length > 1 && (this.list[0]?.lastSeq ?? firstSeq) < firstSeq) {
      const gone = this.list.shift()
      if (gone !== undefined) await this.#files.drop(gone)
    }
    const first = this.list[0]
    if (first === undefined || first.isEmpty) return head
    if (first.firstSeq >= firstSeq) return first.base
    const places = await this.placesOf(first)
    return places.at(places.indexOfSeq(firstSeq))?.base ?? first.end
  }

  async writeList(): Promise<void> {
    const complete = this.list.filter((stretch) => stretch !== this.#open && !stretch.isEmpty)
    await this.#files.writeList(this.#createdAt, complete)
  }

  /** Notes what there is, so that the next start need not read it again. */
  async close(): Promise<void> {
    const open = this.#open
    if (open !== undefined && !open.isEmpty && this.#isLive) {
      this.#seal(open)
      this.#begin(open.lastSeq + 1, open.end)
    }
    await this.#writing
  }

  #stretchFor(seq: number, base: number): Stretch {
    const open = this.#open
    if (open !== undefined && (!open.isEmpty || open.base === base)) return open
    // Records are missing before it.
    if (open !== undefined) this.list.pop()
    return this.#begin(seq, base)
  }

  #begin(seq: number, base: number): Stretch {
    const stretch = new Stretch(seq, base)
    this.list.push(stretch)
    this.#open = stretch
    return stretch
  }

  #seal(stretch: Stretch): void {
    const identities = this.#openIdentities
    this.#openIdentities = new SegmentIdentities()
    stretch.identities = identities
    this.#writing = this.#writing.then(() => this.#write(stretch, identities))
  }

  async #write(stretch: Stretch, identities: SegmentIdentities): Promise<void> {
    const { directory, onTrouble } = this.#parts
    try {
      await this.#files.keep(stretch, identities)
      stretch.identities = undefined
      await this.writeList()
    } catch (cause) {
      // Only speed is lost: it is made again from the stream.
      onTrouble(new ThalwegError('LOG_FULL', `what was read could not be noted in ${directory}`, { cause }))
    }
  }

  /** Reads a stretch from the stream again. */
  async #rebuild(stretch: Stretch): Promise<SegmentIdentities> {
    const { firstSeq, lastSeq, base } = stretch
    const identities = new SegmentIdentities()
    const places = new Places()
    const start = { seq: firstSeq - 1, offset: base }
    const numbering = new Numbering<Message>(start, {
      placed: (message, from, to) => {
        if (to === from) return
        places.add(message.seq, from, to)
        const frames = framesOf(message, from)
        if (frames === undefined) this.#parts.onBroken(message, from, to)
        for (const frame of frames ?? []) identities.add(frame, message.seq - firstSeq)
      },
      // Whoever reads there is told.
      lost: () => undefined,
      contradicted: () => undefined,
    })
    for await (const message of this.#parts.messages(firstSeq, lastSeq))
      numbering.arrive(message.seq, message.label, message)
    numbering.settle(lastSeq)
    stretch.places ??= places
    await this.#write(stretch, identities)
    return identities
  }
}
