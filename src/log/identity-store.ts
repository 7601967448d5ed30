/**
 * The side indexes of the sealed segments of a log: writing them in the background, reading them when somebody asks, making them
 * again from the segment when they are missing or bad.
 */

import { ThalwegError } from '../core/errors.ts'
import { readIdentities, SegmentIdentities, writeIdentities } from './identity-index.ts'
import type { Gap } from './log.ts'
import { gapAt, scan } from './recovery.ts'
import { Segment, segmentPath } from './segment.ts'

export class IdentityStore {
  readonly #directory: string
  readonly #onGap: (gap: Gap) => void
  readonly #onTrouble: (error: ThalwegError) => void
  /** By epoch: indexes that are not in their files yet. One or two, as writing one takes less time than filling a segment. */
  readonly #unwritten = new Map<number, { identities: SegmentIdentities; written: Promise<void> }>()

  /** `onGap` is told of what turns out to be unreadable when an index is made again. */
  constructor(directory: string, onGap: (gap: Gap) => void, onTrouble: (error: ThalwegError) => void) {
    this.#directory = directory
    this.#onGap = onGap
    this.#onTrouble = onTrouble
  }

  /** Takes over the index of a segment that is complete now. */
  seal(segment: Segment, identities: SegmentIdentities): void {
    const written = this.#write(segment, identities).finally(() => this.#unwritten.delete(segment.epoch))
    this.#unwritten.set(segment.epoch, { identities, written })
  }

  /** The index of a sealed segment. */
  async of(segment: Segment): Promise<SegmentIdentities> {
    const unwritten = this.#unwritten.get(segment.epoch)
    if (unwritten !== undefined) return unwritten.identities
    segment.pin()
    try {
      return (
        (await readIdentities(this.#path(segment), segment.epoch)) ??
        (await segment.reading(() => this.#rebuild(segment)))
      )
    } finally {
      segment.unpin()
    }
  }

  /** Resolves when nothing is being written for this segment. */
  async settled(segment: Segment): Promise<void> {
    await this.#unwritten.get(segment.epoch)?.written
  }

  async close(): Promise<void> {
    await Promise.all([...this.#unwritten.values()].map(({ written }) => written))
  }

  async #write(segment: Segment, identities: SegmentIdentities): Promise<void> {
    const path = this.#path(segment)
    try {
      await writeIdentities(path, identities.encode(segment.epoch, segment.base, segment.end))
    } catch (cause) {
      // Only speed is lost: it is made again from the segment when it is asked for.
      this.#onTrouble(new ThalwegError('LOG_FULL', `the side index ${path} could not be written`, { cause }))
    }
  }

  async #rebuild(segment: Segment): Promise<SegmentIdentities> {
    const { epoch, path, bytes, base, end, dataEnd } = segment
    const identities = new SegmentIdentities()
    const seen = new Segment({ epoch, path, bytes, base })
    const gaps: Gap[] = []
    await scan(seen, dataEnd, gaps, identities)
    if (seen.end < end) gaps.push(gapAt(seen, { from: seen.end, to: end, position: seen.dataEnd }))
    for (const gap of gaps) this.#onGap(gap)
    await this.#write(segment, identities)
    return identities
  }

  #path(segment: Segment): string {
    return segmentPath(this.#directory, segment.epoch, 'ids')
  }
}
