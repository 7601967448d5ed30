/** Frames for tests of the log: records as texts with identities, appended and read back. */

import { ThalwegError } from '../../src/core/errors.ts'
import {
  BODY_START,
  type FrameView,
  frameBytesFor,
  ROW_HAS_ID,
  ROW_QUARANTINED,
  sealFrame,
} from '../../src/log/frame.ts'
import type { Identity, Log, LogRun } from '../../src/log/log.ts'

export interface SampleRecord {
  readonly text: string
  /** Absent: a record without an id. */
  readonly id?: Identity
  readonly quarantined?: boolean
}

export interface SampleFrame {
  readonly source?: number
  readonly receivedAt?: number
  readonly records: readonly SampleRecord[]
}

export interface ReadRecord {
  readonly offset: number
  readonly text: string
}

/** An identity that is different for every `n` below 2^32. */
export function identityOf(n: number): Identity {
  return [n >>> 0, Math.imul(n, 0x9e3779b1) >>> 0, (n ^ 0x5bd1e995) >>> 0, 7]
}

/** Builds the frame in a leased buffer and appends it. Gives the buffer back when the log refuses it. */
export function appendFrame(log: Log, frame: SampleFrame): Promise<number> {
  const bodies = frame.records.map((record) => Buffer.from(record.text))
  const bodyBytes = bodies.reduce((sum, body) => sum + body.length, 0)
  const buffer = log.lease(frameBytesFor(bodyBytes, ['sample'], bodies.length))
  try {
    return log.append(buffer, seal(buffer, frame, bodies, bodyBytes))
  } catch (error) {
    log.release(buffer)
    throw error
  }
}

/** Appends as a patient sender does: a log that is full for the moment is asked again. */
export async function appendPatiently(log: Log, frame: SampleFrame): Promise<number> {
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 1))) {
    try {
      return await appendFrame(log, frame)
    } catch (error) {
      if (!isFull(error) || Date.now() > deadline) throw error
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof ThalwegError && error.code === 'LOG_FULL'
}

function seal(buffer: Buffer, frame: SampleFrame, bodies: readonly Buffer[], bodyBytes: number): number {
  const starts: number[] = []
  let at = BODY_START
  for (const body of bodies) {
    starts.push(at)
    at += body.copy(buffer, at)
  }
  const { source = 1, receivedAt = 0, records } = frame
  const parts = { source, receivedAt, bodyBytes, types: ['sample'], count: bodies.length }
  return sealFrame(buffer, parts, (i, rows) => {
    const start = starts[i] ?? 0
    const [a, b, c, d] = records[i]?.id ?? [0, 0, 0, 0]
    const flags =
      (records[i]?.id === undefined ? 0 : ROW_HAS_ID) | (records[i]?.quarantined ? ROW_QUARANTINED : 0)
    rows.write(i, start, start + (bodies[i]?.length ?? 0), a, b, c, d, 0, 0, flags, 0)
  })
}

export function textFrame(...texts: string[]): SampleFrame {
  return { records: texts.map((text) => ({ text })) }
}

/** Copies the records of a run, from `from` on. */
export function recordsOf(run: LogRun, from: number): ReadRecord[] {
  return run.frames.flatMap((frame) => frameRecords(frame)).filter(({ offset }) => offset >= from)
}

export function frameRecords(frame: FrameView): ReadRecord[] {
  return Array.from({ length: frame.count }, (_, i) => ({
    offset: frame.baseOffset + i,
    text: frame.bytes.toString('utf8', frame.rowStart(i), frame.rowEnd(i)),
  }))
}

export interface ReadBack {
  readonly records: ReadRecord[]
  readonly gaps: { from: number; to: number }[]
}

/** Everything readable from `from` to the head, in runs of about `bytesMax`. */
export async function readAll(log: Log, from = log.tail, bytesMax = 65_536): Promise<ReadBack> {
  const records: ReadRecord[] = []
  const gaps: { from: number; to: number }[] = []
  for (let at = from; at < log.head; ) {
    const run = await log.read(at, bytesMax)
    records.push(...recordsOf(run, at))
    gaps.push(...run.gaps.map((gap) => ({ from: gap.from, to: gap.to })))
    if (run.next <= at) throw new Error(`read at ${at} did not move on`)
    at = run.next
  }
  return { records, gaps }
}
