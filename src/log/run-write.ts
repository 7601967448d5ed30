/** Writing runs: from a frozen table, or from older runs. Blocking, so only in workers. A run appears whole under its name or not at all. */

import { closeSync, fsyncSync, openSync, readSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { addToFilter, filterFor } from './identity-filter.ts'
import { compareKeys, copyEntry, ENTRY_WORDS, entriesSince, visitSorted } from './identity-table.ts'
import {
  bytesOf,
  encodeRunHeader,
  type OpenedRun,
  PAGE_BYTES,
  PAGE_COUNT_WORD,
  PAGE_CRC_WORD,
  PAGE_ENTRIES,
  PAGE_WORDS,
  pageCrc,
  type RunFacts,
} from './run-file.ts'

/** What is known of a run before it is written. */
export interface RunPlan {
  readonly path: string
  readonly first: number
  readonly last: number
  readonly logEnd: number
  /** Entries marked earlier are left out. */
  readonly sinceSeconds: number
  readonly fingerprint: number
}

const BUFFER_PAGES = 256

export function writeSpill(plan: RunPlan, table: Uint32Array): OpenedRun {
  return writeRun(plan, entriesSince(table, plan.sinceSeconds), (writer) => {
    visitSorted(table, plan.sinceSeconds, (entries, at) => writer.add(entries, at))
  })
}

/** Merges runs, oldest first. Of equal keys the latest mark stays. */
export function writeMerge(plan: RunPlan, inputs: readonly RunFacts[]): OpenedRun {
  const readers = inputs.map((facts) => new EntryReader(facts))
  const keysMax = inputs.reduce((sum, facts) => sum + facts.count, 0)
  try {
    return writeRun(plan, keysMax, (writer) => {
      for (let next = smallest(readers); next !== undefined; next = smallest(readers)) {
        writer.add(next.words, next.at)
        next.advance()
      }
    })
  } finally {
    for (const reader of readers) reader.close()
  }
}

function writeRun(plan: RunPlan, keysMax: number, addAll: (writer: RunWriter) => void): OpenedRun {
  const writer = new RunWriter(plan, keysMax)
  try {
    addAll(writer)
    return writer.finish()
  } catch (error) {
    writer.abandon()
    throw error
  }
}

function smallest(readers: readonly EntryReader[]): EntryReader | undefined {
  let first: EntryReader | undefined
  for (const reader of readers) {
    if (reader.ended) continue
    // Nearly always the first words differ.
    if (first === undefined || reader.firstWord < first.firstWord) first = reader
    else if (reader.firstWord > first.firstWord) continue
    else if (compareKeys(reader.words, reader.at, first.words, first.at) < 0) first = reader
  }
  return first
}

class RunWriter {
  readonly #plan: RunPlan
  readonly #fd: number
  readonly #filter: Uint32Array
  readonly #fences: number[] = []
  readonly #buffer = new Uint32Array(PAGE_WORDS * BUFFER_PAGES)
  /** Of the buffer: the page being filled, the entries in it, and where the next one goes. */
  #page = 0
  #entries = 0
  #end = 0
  #position = PAGE_BYTES
  #count = 0
  #oldest = 0xffffffff
  #newest = 0

  constructor(plan: RunPlan, keysMax: number) {
    this.#plan = plan
    this.#filter = filterFor(keysMax)
    this.#fd = openSync(`${plan.path}.tmp`, 'w')
  }

  /** Entries come in the order of their keys; equal keys one behind the other. */
  add(words: Uint32Array, at: number): void {
    const seconds = words[at + 4] as number
    if (seconds < this.#plan.sinceSeconds) return
    const buffer = this.#buffer
    const last = this.#end - ENTRY_WORDS
    if (this.#entries > 0 && compareKeys(buffer, last, words, at) === 0) {
      if (seconds > (buffer[last + 4] as number)) buffer[last + 4] = seconds
      return
    }
    // Not as soon as it is full: the last entry of a page may still be met again.
    if (this.#entries === PAGE_ENTRIES) this.#endPage()
    if (this.#entries === 0) this.#fences.push(words[at] as number)
    copyEntry(words, at, buffer, this.#end)
    addToFilter(this.#filter, words, at)
    this.#entries++
    this.#end += ENTRY_WORDS
  }

  finish(): OpenedRun {
    if (this.#entries > 0) this.#endPage()
    this.#flush()
    const { path, first, last, logEnd, fingerprint } = this.#plan
    const index = { fences: sharedWords(this.#fences), filter: this.#filter }
    this.#write(bytesOf(index.fences))
    this.#write(bytesOf(index.filter))
    const oldestSeconds = Math.min(this.#oldest, this.#newest)
    const facts = {
      path,
      first,
      last,
      logEnd,
      count: this.#count,
      oldestSeconds,
      newestSeconds: this.#newest,
    }
    writeAll(this.#fd, encodeRunHeader(facts, index, fingerprint), 0)
    fsyncSync(this.#fd)
    closeSync(this.#fd)
    renameSync(`${path}.tmp`, path)
    syncDirectory(dirname(path))
    return { facts, index }
  }

  /** Gives the space back; what the disk then still refuses is overwritten by the next attempt. */
  abandon(): void {
    closeSync(this.#fd)
    unlinkSync(`${this.#plan.path}.tmp`)
  }

  #endPage(): void {
    const start = this.#page * PAGE_WORDS
    const page = this.#buffer.subarray(start, start + PAGE_WORDS)
    for (let at = 4; at < this.#end - start; at += ENTRY_WORDS) {
      const seconds = page[at] as number
      if (seconds < this.#oldest) this.#oldest = seconds
      if (seconds > this.#newest) this.#newest = seconds
    }
    // The buffer was used before.
    page.fill(0, this.#end - start)
    page[PAGE_COUNT_WORD] = this.#entries
    page[PAGE_CRC_WORD] = pageCrc(page)
    this.#count += this.#entries
    this.#entries = 0
    this.#page++
    if (this.#page === BUFFER_PAGES) this.#flush()
    this.#end = this.#page * PAGE_WORDS
  }

  #flush(): void {
    this.#write(bytesOf(this.#buffer.subarray(0, this.#page * PAGE_WORDS)))
    this.#page = 0
  }

  #write(bytes: Uint8Array): void {
    writeAll(this.#fd, bytes, this.#position)
    this.#position += bytes.length
  }
}

/** The entries of a run from end to end. Pages that do not check out are left out. */
class EntryReader {
  words = new Uint32Array(PAGE_WORDS)
  at = 0
  /** Of the key at `at`. */
  firstWord = 0
  ended = false
  readonly #fd: number
  readonly #pages: number
  #page = 0
  #end = 0

  constructor(facts: RunFacts) {
    this.#fd = openSync(facts.path, 'r')
    const header = Buffer.alloc(PAGE_BYTES)
    readSync(this.#fd, header, 0, PAGE_BYTES, 0)
    this.#pages = header.readUInt32LE(40)
    this.#nextPage()
  }

  advance(): void {
    this.at += ENTRY_WORDS
    if (this.at >= this.#end) this.#nextPage()
    else this.firstWord = this.words[this.at] as number
  }

  close(): void {
    closeSync(this.#fd)
  }

  #nextPage(): void {
    this.at = 0
    while (this.#page < this.#pages) {
      readSync(this.#fd, bytesOf(this.words), 0, PAGE_BYTES, PAGE_BYTES * (1 + this.#page))
      this.#page++
      this.#end = (this.words[PAGE_COUNT_WORD] as number) * ENTRY_WORDS
      this.firstWord = this.words[0] as number
      if (this.#end > 0 && this.words[PAGE_CRC_WORD] === pageCrc(this.words)) return
    }
    this.ended = true
  }
}

function sharedWords(values: readonly number[]): Uint32Array {
  const words = new Uint32Array(new SharedArrayBuffer(values.length * 4))
  words.set(values)
  return words
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done)
  }
}

function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
