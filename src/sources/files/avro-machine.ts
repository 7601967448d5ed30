/**
 * The decoder's memory as JavaScript sees it (assembly/, built by `npm run build:kernel`). It holds one program and one block of
 * records at a time. Numbers with a point, and bytes, are written by JavaScript, for whose texts of them there is no second source.
 */

import { instantiated } from '../../core/wasm-module.ts'
import { PROGRAM, type Program } from './avro-program.ts'
import { float32Text } from './float32.ts'

/** The exports of assembly/avro.ts. Addresses and lengths are in bytes. */
interface AvroExports {
  readonly memory: WebAssembly.Memory
  grow(top: number): number
  begin(end: number): void
  decode(root: number, at: number, countMax: number, bytesMax: number, out: number): void
  pass(root: number, at: number, count: number): void
}

// Fixed addresses, as in assembly/layout.ts.
const RESULT = 64
const EVENTS_MAX = 8192
const HOURS = PROGRAM - 4 * EVENTS_MAX
/** Bytes that may be read behind an end. */
const SLACK = 64

/** A machine that an extraordinary block made large is not kept. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024

/** By their number in assembly/layout.ts. */
const FAULTS = [
  '',
  'a record ends behind its block',
  'a text ends behind its block',
  'a number has too many bytes',
  'a length or a count is out of bounds',
  'a value is of a branch or symbol that the schema lacks',
  'an array of nothing is too long',
  'a value is nested too deep',
  'an event has more bytes than are allowed',
]

/** Events in a row; the views are valid until the next call of the machine. */
export interface Decoded {
  readonly count: number
  /** Joined by commas. */
  readonly bytes: Uint8Array
  /** Of each event: hours since the epoch of its `time`; 0 when it has none. */
  readonly hours: Uint32Array
  /** Why the record behind them cannot be read, if it was tried. */
  readonly problem: string | undefined
}

const spare: AvroMachine[] = []

/** Lends a machine, which holds what `work` begins and nothing else. Throws KERNEL_MISSING. */
export async function withMachine<Result>(work: (machine: AvroMachine) => Promise<Result>): Promise<Result> {
  const machine = spare.pop() ?? new AvroMachine()
  try {
    return await work(machine)
  } finally {
    if (machine.bytes <= KEPT_BYTES_MAX) spare.push(machine)
  }
}

export class AvroMachine {
  readonly #exports: AvroExports
  #bytes: Uint8Array
  #words: Uint32Array
  #program: Program | undefined
  #blockAt = 0
  #out = 0
  #at = 0

  /** Throws KERNEL_MISSING when the artefact cannot be read or the host cannot run it. */
  constructor() {
    const host = {
      float: (value: number, at: number) => this.#ascii(float32Text(value), at),
      double: (value: number, at: number) => this.#ascii(doubleText(value), at),
      bytes: (from: number, length: number, scale: number, at: number) =>
        this.#ascii(bytesText(Buffer.from(this.#view(), from, length), scale), at),
    }
    this.#exports = instantiated<AvroExports>(new URL('avro.wasm', import.meta.url), { host })
    this.#bytes = new Uint8Array(this.#exports.memory.buffer)
    this.#words = new Uint32Array(this.#exports.memory.buffer)
  }

  /** Of its memory. */
  get bytes(): number {
    return this.#view().byteLength
  }

  /** Takes the records of a block; those of the block before are gone. Throws RangeError when the host has no memory. */
  begin(program: Program, records: Uint8Array): void {
    const blockAt = align(PROGRAM + program.bytes.length + SLACK)
    const end = blockAt + records.length
    this.#out = align(end + SLACK)
    if (this.#exports.grow(this.#out + SLACK) === 0)
      throw new RangeError(`The decoder cannot have ${this.#out} bytes of memory`)
    this.#refresh()
    if (program !== this.#program) this.#bytes.set(program.bytes, PROGRAM)
    this.#program = program
    this.#bytes.set(records, blockAt)
    this.#exports.begin(end)
    this.#blockAt = blockAt
    this.#at = blockAt
  }

  /** Of the next record, in the block. */
  get position(): number {
    return this.#at - this.#blockAt
  }

  /** Passes over records. Gives why that could not be done. */
  pass(count: number): string | undefined {
    this.#exports.pass(this.#root(), this.#at, count)
    return this.#result()[3]
  }

  /** Decodes at most `countMax` records, or EVENTS_MAX, and ends with the event with which there are `bytesMax` bytes. */
  decode(countMax: number, bytesMax: number): Decoded {
    this.#exports.decode(this.#root(), this.#at, countMax, bytesMax, this.#out)
    const [count, , end, problem] = this.#result()
    return {
      count,
      bytes: this.#bytes.subarray(this.#out, end),
      hours: this.#words.subarray(HOURS >>> 2, (HOURS >>> 2) + count),
      problem,
    }
  }

  #root(): number {
    if (this.#program === undefined) throw new TypeError('There is no block of records')
    return this.#program.root
  }

  #result(): [count: number, at: number, end: number, problem: string | undefined] {
    this.#refresh()
    const [count = 0, at = 0, end = 0, fault = 0] = this.#words.subarray(RESULT >>> 2, (RESULT >>> 2) + 4)
    this.#at = at
    return [count, at, end, fault === 0 ? undefined : (FAULTS[fault] ?? 'a record cannot be read')]
  }

  #view(): ArrayBuffer {
    return this.#exports.memory.buffer
  }

  /** Memory may have grown. */
  #refresh(): void {
    if (this.#bytes.length > 0) return
    this.#bytes = new Uint8Array(this.#view())
    this.#words = new Uint32Array(this.#view())
  }

  #ascii(text: string, at: number): number {
    this.#refresh()
    const bytes = this.#bytes
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
    return at + text.length
  }
}

function align(position: number): number {
  return (position + 15) & ~15
}

function doubleText(double: number): string {
  return Number.isFinite(double) ? String(double) : `"${double}"`
}

/** `scale` is one more than the digits behind the point; 0: the bytes are no number. */
function bytesText(bytes: Buffer, scale: number): string {
  return scale === 0 ? `"${bytes.toString('base64')}"` : decimalText(bytes, scale - 1)
}

/** Two's complement, big endian, `scale` digits behind the point. */
function decimalText(bytes: Buffer, scale: number): string {
  if (bytes.length === 0) return '0'
  const unscaled = BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`))
  const sign = unscaled < 0n ? '-' : ''
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const point = digits.length - scale
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}
