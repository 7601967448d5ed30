/**
 * What a hub remembers of a stream in its own folder, so that it need not read it all again: which sequences hold which offsets, and the
 * identities in them. The messages are parted into stretches, as the embedded log's records are into segments; each hub parts them
 * for itself. Everything here can be made again from the stream.
 *
 * Files: `<first sequence>.ids` (identity-index.ts; the position of a frame is the place of its message in the stretch) and `stretches.json`, the list.
 */

import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unlinkIfThere } from '../files.ts'
import { readIdentities, type SegmentIdentities, writeIdentities } from '../identity-index.ts'

/** The records [base, end) of a message. */
export interface Place {
  readonly seq: number
  readonly base: number
  readonly end: number
}

/** Where the records of each message lie, by offset. */
export class Places {
  #bases: number[] = []
  #ends: number[] = []
  #seqs: number[] = []

  get count(): number {
    return this.#seqs.length
  }

  /** In order; frames of one message are one place. */
  add(seq: number, base: number, end: number): void {
    if (this.#seqs.at(-1) === seq) {
      this.#ends[this.#ends.length - 1] = end
      return
    }
    this.#seqs.push(seq)
    this.#bases.push(base)
    this.#ends.push(end)
  }

  at(i: number): Place | undefined {
    const seq = this.#seqs[i]
    return seq === undefined ? undefined : { seq, base: this.#bases[i] ?? 0, end: this.#ends[i] ?? 0 }
  }

  /** Places from the i-th on, at most so many, as long as no records are missing between them. */
  run(i: number, many: number): Place[] {
    const places: Place[] = []
    for (
      let place = this.at(i);
      place !== undefined && places.length < many;
      place = this.at(i + places.length)
    ) {
      if (places.length > 0 && place.base !== places.at(-1)?.end) break
      places.push(place)
    }
    return places
  }

  /** The first place that ends behind `offset`. */
  indexOf(offset: number): number {
    return firstWhere(this.#ends, (end) => end > offset)
  }

  /** The first place whose message is `seq` or a later one. */
  indexOfSeq(seq: number): number {
    return firstWhere(this.#seqs, (one) => one >= seq)
  }

  static of(identities: SegmentIdentities, firstSeq: number): Places {
    const places = new Places()
    for (const { position, base, end } of identities.places()) places.add(firstSeq + position, base, end)
    return places
  }
}

function firstWhere(sorted: readonly number[], holds: (value: number) => boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(sorted[middle] ?? 0)) high = middle
    else low = middle + 1
  }
  return low
}

export interface StretchFacts {
  readonly firstSeq: number
  lastSeq: number
  readonly base: number
  end: number
  bytes: number
  receivedAtMax: number
}

export class Stretch implements StretchFacts {
  readonly firstSeq: number
  lastSeq: number
  readonly base: number
  end: number
  bytes = 0
  receivedAtMax = Number.NEGATIVE_INFINITY
  /** Absent until somebody reads in this stretch, or when others were read since. */
  places: Places | undefined
  /** Records per source, once it is sealed and somebody has asked. */
  tally: ReadonlyMap<number, number> | undefined
  /** Until they are in their file. */
  identities: SegmentIdentities | undefined

  constructor(firstSeq: number, base: number) {
    this.firstSeq = firstSeq
    this.lastSeq = firstSeq - 1
    this.base = base
    this.end = base
  }

  /** No message is in it yet. */
  get isEmpty(): boolean {
    return this.lastSeq < this.firstSeq
  }

  /** Takes in a message, which lies directly behind what is here, or behind lost records. */
  grow(seq: number, base: number, end: number, bytes: number, receivedAtMax: number): void {
    this.lastSeq = seq
    this.end = end
    this.bytes += bytes
    if (end === base) return
    this.places ??= new Places()
    this.places.add(seq, base, end)
    if (receivedAtMax > this.receivedAtMax) this.receivedAtMax = receivedAtMax
  }
}

const LIST = 'stretches.json'

export class StretchFiles {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async identities({ firstSeq }: StretchFacts): Promise<SegmentIdentities | undefined> {
    return await readIdentities(this.#path(firstSeq), firstSeq >>> 0)
  }

  async keep({ firstSeq, base, end }: StretchFacts, identities: SegmentIdentities): Promise<void> {
    await writeIdentities(this.#path(firstSeq), identities.encode(firstSeq >>> 0, base, end))
  }

  async drop({ firstSeq }: StretchFacts): Promise<void> {
    await unlinkIfThere(this.#path(firstSeq))
  }

  /** The stretches of the stream that was made at `createdAt`; none when the list is of another one, or cannot be read. */
  async list(createdAt: string): Promise<Stretch[]> {
    try {
      const list = JSON.parse(await readFile(join(this.#directory, LIST), 'utf8')) as List
      if (list.createdAt !== createdAt) return []
      return list.stretches.map((facts) => Object.assign(new Stretch(facts.firstSeq, facts.base), facts))
    } catch {
      // It is made again from the stream.
      return []
    }
  }

  /** A crash leaves the old list. */
  async writeList(createdAt: string, stretches: readonly StretchFacts[]): Promise<void> {
    const path = join(this.#directory, LIST)
    const facts = stretches.map(({ firstSeq, lastSeq, base, end, bytes, receivedAtMax }) => ({
      firstSeq,
      lastSeq,
      base,
      end,
      bytes,
      receivedAtMax,
    }))
    await writeFile(`${path}.tmp`, JSON.stringify({ createdAt, stretches: facts } satisfies List))
    await rename(`${path}.tmp`, path)
  }

  #path(firstSeq: number): string {
    return join(this.#directory, `${String(firstSeq).padStart(16, '0')}.ids`)
  }
}

interface List {
  readonly createdAt: string
  readonly stretches: readonly StretchFacts[]
}
