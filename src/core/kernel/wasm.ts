/** The WASM executor: moves bytes in and out of the module's memory; all decisions are made in assembly/. */

import { instantiated } from '../wasm-module.ts'
import {
  type BodyShape,
  type CompiledProjection,
  ITEM_FAULTS,
  ITEM_WORDS,
  type Kernel,
  type KernelOptions,
  type Projection,
  type Scan,
  VOCABULARIES,
  type Vocabulary,
} from './kernel.ts'
import { type KernelExports, KernelMemory, RESULT, TYPE_NAMES, TYPE_ROWS } from './memory.ts'
import { planOf } from './plan.ts'
import { writeProgram } from './program.ts'
import { checkBodyBytes, tooManyItems } from './scan.ts'

const SHAPES: readonly BodyShape[] = ['empty', 'events', 'array', 'bare', 'broken']
const OUT_OF_MEMORY = 5
const ODD = 0
const FULL = 1
const COMMA = 0x2c
const MEMBER_WORDS = 5
/** The words of a result: count, address of the rows, fault and its place, types, place of the first item too many. */
const COUNT = RESULT >>> 2

/** Bytes that may be read or written past an end; layout.ts has the same. */
const SLACK = 64
/** Events are projected in stretches of about this many bytes, so that they and their results stay in the processor's cache. */
const STRETCH_BYTES = 256 * 1024

const decoder = new TextDecoder()

export class WasmKernel implements Kernel {
  readonly name = 'wasm'
  readonly types: string[] = ['']
  readonly #options: KernelOptions
  readonly #exports: KernelExports
  readonly #memory: KernelMemory
  readonly #programs: number[] = []
  readonly #handles = new Map<string, CompiledProjection>()
  #outBytes = 2 * STRETCH_BYTES

  constructor(options: KernelOptions) {
    this.#options = options
    this.#exports = instantiated<KernelExports>(new URL('kernel.wasm', import.meta.url))
    this.#memory = new KernelMemory(this.#exports)
    const key = new DataView(options.key.buffer, options.key.byteOffset, options.key.byteLength)
    this.#exports.setup(key.getBigUint64(0, true), key.getBigUint64(8, true))
  }

  scan(body: Uint8Array, vocabulary: Vocabulary = 'currents'): Scan {
    const { bodyBytesMax, itemsMax } = this.#options
    checkBodyBytes(body.length, bodyBytesMax)
    const memory = this.#memory
    const from = memory.free
    memory.reserve(from + body.length + SLACK)
    memory.bytes.set(body, from)
    const shape = this.#exports.scan(from, body.length, itemsMax, VOCABULARIES.indexOf(vocabulary))
    memory.refresh()
    if (shape === OUT_OF_MEMORY)
      throw new RangeError('The kernel cannot have the memory that this body needs')
    const { words } = memory
    const count = words[COUNT] ?? 0
    const types = words[COUNT + 4] ?? 0
    if (types > this.types.length) this.#readTypes(types)
    if (count > itemsMax) throw tooManyItems(itemsMax, words[COUNT + 5] ?? 0)
    return this.#result(SHAPES[shape] ?? 'broken', count)
  }

  #result(shape: BodyShape, count: number): Scan {
    const { words } = this.#memory
    const fault = words[COUNT + 2] ?? 0
    const faultAt = words[COUNT + 3] ?? 0
    const isBroken = shape === 'broken'
    const kept = isBroken || shape === 'empty' ? 0 : count
    return {
      shape,
      count: kept,
      items: new Uint32Array(words.buffer, words[COUNT + 1] ?? 0, kept * ITEM_WORDS),
      fault: isBroken ? (ITEM_FAULTS[fault] ?? 'none') : 'none',
      faultAt: isBroken ? faultAt : 0,
    }
  }

  #readTypes(count: number): void {
    const { words, bytes } = this.#memory
    for (let type = this.types.length; type < count; type++) {
      const length = words[(TYPE_ROWS >>> 2) + type * 2 + 1] ?? 0
      const at = TYPE_NAMES + type * 256
      this.types.push(decoder.decode(bytes.subarray(at, at + length)))
    }
  }

  /** Equal projections share a handle. Throws TypeError when the projection does not hold together. */
  compile(projection: Projection): CompiledProjection {
    const text = JSON.stringify(projection)
    const known = this.#handles.get(text)
    if (known !== undefined) return known
    const handle = this.#programs.push(writeProgram(this.#memory, planOf(projection))) - 1
    this.#handles.set(text, handle)
    return handle
  }

  project(
    bytes: Uint8Array,
    starts: Uint32Array,
    ends: Uint32Array,
    count: number,
    projections: Uint32Array,
    out: Uint8Array,
    at: number,
    outEnds: Uint32Array,
  ): number {
    const programs = this.#programs
    let done = 0
    let position = at
    while (done < count) {
      const from = starts[done] ?? 0
      const [next, to] = stretchFrom(starts, ends, done, count)
      if (from > to || to > bytes.length)
        throw new RangeError(`Event ${done} lies outside of the given bytes`)
      const result = this.#load(bytes, from, to)
      const shift = this.#memory.free - from
      const limit = result + this.#outBytes
      let written = result
      let state = 0
      for (; done < next; done++) {
        const program = programs[projections[done] ?? Number.NaN]
        if (program === undefined)
          throw new RangeError(`Event ${done} asks for a projection that was not compiled here`)
        let start = written
        if (done > 0) this.#memory.bytes[start++] = COMMA
        state = this.#exports.project(
          program,
          (starts[done] ?? 0) + shift,
          (ends[done] ?? 0) + shift,
          start,
          limit,
          limit + SLACK,
        )
        this.#memory.refresh()
        if (state <= FULL) break
        written = state
        outEnds[done] = position + (written - result)
      }
      position = this.#flush(result, written, out, position)
      if (done < next && state === ODD) return -1 - done
      if (done < next && written === result) this.#widen(out.length)
    }
    return position
  }

  /** Moves bytes [from, to) into memory; gives the address for the results. */
  #load(bytes: Uint8Array, from: number, to: number): number {
    const memory = this.#memory
    const result = (memory.free + (to - from) + SLACK + 15) & ~15
    memory.reserve(result + this.#outBytes + 2 * SLACK)
    memory.bytes.set(bytes.subarray(from, to), memory.free)
    this.#exports.begin(memory.free, to - from)
    return result
  }

  #flush(result: number, written: number, out: Uint8Array, position: number): number {
    if (position + (written - result) > out.length) {
      throw new RangeError(`The projections do not fit into ${out.length} bytes`)
    }
    out.set(this.#memory.bytes.subarray(result, written), position)
    return position + (written - result)
  }

  /** A single projection did not fit: more room, unless it cannot fit into the caller's either. */
  #widen(outLength: number): void {
    if (this.#outBytes > outLength) throw new RangeError(`The projections do not fit into ${outLength} bytes`)
    this.#outBytes *= 2
  }

  members(event: Uint8Array, into: Uint32Array): number {
    const memory = this.#memory
    const from = memory.free
    const rows = (from + event.length + SLACK + 15) & ~15
    // A member takes at least 4 bytes of the event.
    const rowsMax = Math.min(Math.floor(into.length / MEMBER_WORDS), event.length >>> 2)
    memory.reserve(rows + rowsMax * MEMBER_WORDS * 4 + SLACK)
    memory.bytes.set(event, from)
    this.#exports.begin(from, event.length)
    const count = this.#exports.members(from, rows, rowsMax)
    if (count < 0) throw new TypeError('These bytes are not an event that a scan accepted')
    if (count > rowsMax) throw new RangeError(`The event has ${count} members; there is room for ${rowsMax}`)
    into.set(memory.words.subarray(rows >>> 2, (rows >>> 2) + count * MEMBER_WORDS))
    return count
  }
}

/** The events from `first` on that lie within one stretch of bytes: the next event, and the end of the bytes. */
function stretchFrom(
  starts: Uint32Array,
  ends: Uint32Array,
  first: number,
  count: number,
): [next: number, to: number] {
  const from = starts[first] ?? 0
  let to = ends[first] ?? 0
  let next = first + 1
  for (; next < count; next++) {
    const start = starts[next] ?? 0
    const end = ends[next] ?? 0
    if (start < to || end < start || end - from > STRETCH_BYTES) break
    to = end
  }
  return [next, to]
}
