/**
 * A run: keys of a stretch of the log, sorted, in a file that never changes. One page of 4 KB answers a lookup: the first words of the
 * pages are in memory, and so is the filter that spares most lookups.
 *
 * File, little endian: header page · pages of 204 entries (4 words key, 1 word second), behind them the number of entries and the crc32
 * of all that · first word of each page · filter. Header: u32 magic, version, crc32 of bytes 12..80, count · u32 first
 * sequence, last sequence, oldest second, newest second · f64 log end · u32 pages, filter words, crc32 of fences and filter,
 * fingerprint of the key.
 */

import { closeSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { approachFilter, mayHold } from './identity-filter.ts'
import { compareKeys, ENTRY_WORDS } from './identity-table.ts'

export const PAGE_BYTES = 4096
export const PAGE_WORDS = PAGE_BYTES / 4
export const PAGE_ENTRIES = 204
export const PAGE_COUNT_WORD = PAGE_ENTRIES * ENTRY_WORDS
export const PAGE_CRC_WORD = PAGE_COUNT_WORD + 1

const MAGIC = 0x52574854 // "THWR"
const VERSION = 1
const HEADER_USED_BYTES = 80

export interface RunFacts {
  readonly path: string
  /** Spills are numbered; a run covers the spills from `first` to `last`. */
  readonly first: number
  readonly last: number
  readonly count: number
  readonly oldestSeconds: number
  readonly newestSeconds: number
  /** Every id of the log before this offset is in this run or an earlier one. */
  readonly logEnd: number
}

/** What a run keeps in memory. */
export interface RunIndex {
  readonly fences: Uint32Array
  readonly filter: Uint32Array
}

export function encodeRunHeader(facts: RunFacts, index: RunIndex, fingerprint: number): Buffer {
  const page = Buffer.alloc(PAGE_BYTES)
  page.writeUInt32LE(MAGIC, 0)
  page.writeUInt32LE(VERSION, 4)
  page.writeUInt32LE(facts.count, 12)
  page.writeUInt32LE(facts.first, 16)
  page.writeUInt32LE(facts.last, 20)
  page.writeUInt32LE(facts.oldestSeconds, 24)
  page.writeUInt32LE(facts.newestSeconds, 28)
  page.writeDoubleLE(facts.logEnd, 32)
  page.writeUInt32LE(index.fences.length, 40)
  page.writeUInt32LE(index.filter.length, 44)
  page.writeUInt32LE(indexCrc(index), 48)
  page.writeUInt32LE(fingerprint, 52)
  page.writeUInt32LE(crc32(page.subarray(12, HEADER_USED_BYTES)), 8)
  return page
}

export interface OpenedRun {
  readonly facts: RunFacts
  readonly index: RunIndex
}

/** Reads header, fences and filter. Undefined when they do not check out or belong to another key. Blocking: on start and in workers. */
export function readRunIndex(path: string, fingerprint: number): OpenedRun | undefined {
  const fd = openSync(path, 'r')
  try {
    const page = Buffer.alloc(PAGE_BYTES)
    if (readSync(fd, page, 0, PAGE_BYTES, 0) < PAGE_BYTES) return undefined
    if (page.readUInt32LE(0) !== MAGIC || page.readUInt32LE(4) !== VERSION) return undefined
    if (page.readUInt32LE(8) !== crc32(page.subarray(12, HEADER_USED_BYTES))) return undefined
    if (page.readUInt32LE(52) !== fingerprint) return undefined
    const pages = page.readUInt32LE(40)
    const index = {
      fences: readWords(fd, pages, PAGE_BYTES * (1 + pages)),
      filter: readWords(fd, page.readUInt32LE(44), PAGE_BYTES * (1 + pages) + pages * 4),
    }
    if (indexCrc(index) !== page.readUInt32LE(48)) return undefined
    return { facts: decodeFacts(page, path), index }
  } finally {
    closeSync(fd)
  }
}

function decodeFacts(page: Buffer, path: string): RunFacts {
  return {
    path,
    count: page.readUInt32LE(12),
    first: page.readUInt32LE(16),
    last: page.readUInt32LE(20),
    oldestSeconds: page.readUInt32LE(24),
    newestSeconds: page.readUInt32LE(28),
    logEnd: page.readDoubleLE(32),
  }
}

function readWords(fd: number, count: number, position: number): Uint32Array {
  const words = new Uint32Array(count)
  const bytes = new Uint8Array(words.buffer)
  let done = 0
  while (done < bytes.length) {
    const read = readSync(fd, bytes, done, bytes.length - done, position + done)
    // A file cut short: the zeros fail the checksum.
    if (read === 0) break
    done += read
  }
  return words
}

export function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
}

function indexCrc(index: RunIndex): number {
  return crc32(bytesOf(index.filter), crc32(bytesOf(index.fences)))
}

export function pageCrc(page: Uint32Array): number {
  return crc32(bytesOf(page.subarray(0, PAGE_CRC_WORD)))
}

/** A run open for lookups. */
export class Run {
  readonly facts: RunFacts
  readonly index: RunIndex
  readonly #fd: number
  readonly #page = new Uint32Array(PAGE_WORDS)
  readonly #onBadPage: (path: string, page: number) => void

  /** `onBadPage` is told each time a page is met that does not check out; its keys then count as not there. */
  constructor(opened: OpenedRun, onBadPage: (path: string, page: number) => void) {
    this.facts = opened.facts
    this.index = opened.index
    this.#onBadPage = onBadPage
    this.#fd = openSync(opened.facts.path, 'r')
  }

  get bytes(): number {
    return this.index.fences.byteLength + this.index.filter.byteLength
  }

  /** Ahead of looking up `count` keys, one behind the other: see IdentityTable.approach. */
  approach(keys: Uint32Array, count: number): number {
    return approachFilter(this.index.filter, keys, count)
  }

  /**
   * The second at which the key at keys[at ..] was marked; 0 when it is not here. Blocks for the read of a page when the filter lets the key pass: for
   * duplicates from before the last spill, and 2 % of the others. Not asynchronous, because the answer decides the bytes of the frame
   * that the caller is about to append in this turn.
   */
  secondsOf(keys: Uint32Array, at = 0): number {
    if (!mayHold(this.index.filter, keys, at)) return 0
    const a = keys[at] as number
    // A first word may repeat over a page's end: begin one page earlier than the first page that starts with it.
    for (
      let page = Math.max(0, lowerBound(this.index.fences, a) - 1);
      (this.index.fences[page] ?? 2 ** 32) <= a;
      page++
    ) {
      const seconds = this.#searchPage(page, keys, at)
      if (seconds !== 0) return seconds
    }
    return 0
  }

  close(): void {
    closeSync(this.#fd)
  }

  #searchPage(number: number, keys: Uint32Array, at: number): number {
    const page = this.#page
    readSync(this.#fd, bytesOf(page), 0, PAGE_BYTES, PAGE_BYTES * (1 + number))
    if (page[PAGE_CRC_WORD] !== pageCrc(page)) {
      this.#onBadPage(this.facts.path, number)
      return 0
    }
    let low = 0
    let high = page[PAGE_COUNT_WORD] as number
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = compareKeys(page, middle * ENTRY_WORDS, keys, at)
      if (order === 0) return page[middle * ENTRY_WORDS + 4] as number
      if (order < 0) low = middle + 1
      else high = middle
    }
    return 0
  }
}

/** First index whose value is at least `word`. */
function lowerBound(words: Uint32Array, word: number): number {
  let low = 0
  let high = words.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((words[middle] as number) < word) low = middle + 1
    else high = middle
  }
  return low
}
