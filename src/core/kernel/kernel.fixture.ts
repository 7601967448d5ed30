/** Both executors, and what a scan says in words. */

import { createJavaScriptKernel, createKernel } from './create.ts'
import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_FAULT_AT,
  ITEM_FAULTS,
  ITEM_FLAGS,
  ITEM_HAS_BRAZE_ID,
  ITEM_HAS_EXTERNAL_ID,
  ITEM_HAS_ID,
  ITEM_ID,
  ITEM_ODD,
  ITEM_PERSON,
  ITEM_START,
  ITEM_TYPE,
  ITEM_WORDS,
  type Kernel,
  type Projection,
  type Scan,
} from './kernel.ts'

export const testKey = Uint8Array.from({ length: 16 }, (_, i) => i * 7)
export const testOptions = { bodyBytesMax: 4_000_000, itemsMax: 20_000, key: testKey }

export function bothKernels(options = testOptions): [name: string, kernel: Kernel][] {
  return [createKernel(options), createJavaScriptKernel(options)].map((kernel) => [kernel.name, kernel])
}

const encoder = new TextEncoder()

/** Text as UTF-8, in which U+10FFFF stands for the byte 0xff, which is never valid. */
export function bytesOf(text: string): Uint8Array {
  const encoded = encoder.encode(text)
  const bytes: number[] = []
  for (let i = 0; i < encoded.length; i++) {
    const isMark = encoded[i] === 0xf4 && encoded[i + 1] === 0x8f && encoded[i + 2] === 0xbf
    if (isMark) i += 3
    bytes.push(isMark ? 0xff : (encoded[i] ?? 0))
  }
  return Uint8Array.from(bytes)
}

/** Per item its text, or its fault and then its text. */
export function itemsOf(body: Uint8Array, scan: Scan): string[] {
  const found: string[] = []
  for (let i = 0; i < scan.count; i++) {
    const row = scan.items.subarray(i * ITEM_WORDS, (i + 1) * ITEM_WORDS)
    const text = Buffer.from(body.subarray(row[ITEM_START], row[ITEM_END])).toString('latin1')
    const fault = ITEM_FAULTS[row[ITEM_FAULT] ?? 0]
    found.push(fault === 'none' ? text : `${fault} ${text}`)
  }
  return found
}

export interface Header {
  readonly id: readonly number[]
  readonly person: number
  readonly type: string | undefined
  readonly flags: readonly string[]
  readonly faultAt: number
}

const FLAGS = [
  [ITEM_HAS_ID, 'id'],
  [ITEM_HAS_EXTERNAL_ID, 'external'],
  [ITEM_HAS_BRAZE_ID, 'braze'],
  [ITEM_ODD, 'odd'],
] as const

export function headerOf(kernel: Kernel, scan: Scan, i = 0): Header {
  const row = scan.items.subarray(i * ITEM_WORDS, (i + 1) * ITEM_WORDS)
  return {
    id: [...row.subarray(ITEM_ID, ITEM_ID + 4)],
    person: row[ITEM_PERSON] ?? -1,
    type: kernel.types[row[ITEM_TYPE] ?? -1],
    flags: FLAGS.filter(([bit]) => ((row[ITEM_FLAGS] ?? 0) & bit) !== 0).map(([, name]) => name),
    faultAt: row[ITEM_FAULT_AT] ?? -1,
  }
}

/** The projection of one event: its text, or 'odd'. */
export function projectOne(kernel: Kernel, event: Uint8Array, projection: Projection): string {
  const out = new Uint8Array(event.length * 8 + 4096)
  const outEnds = new Uint32Array(1)
  const end = kernel.project(
    event,
    Uint32Array.of(0),
    Uint32Array.of(event.length),
    1,
    Uint32Array.of(kernel.compile(projection)),
    out,
    0,
    outEnds,
  )
  return end < 0 ? 'odd' : new TextDecoder().decode(out.subarray(0, outEnds[0]))
}
