/**
 * The log: every accepted record, in order, durable before anybody is told so. This file is the contract; embedded-log.ts
 * is our own segment files, jetstream/jetstream.ts the replicated log; open-log.ts chooses. The log never parses an event and never decides
 * who may read it; it only refuses to forget what a named reader still needs.
 *
 * Offsets count records from 0, without holes: frame k ends where frame k + 1 begins.
 */

import type { FrameView } from './frame.ts'
import type { FrameIdentities } from './identity-index.ts'

export interface Log {
  /** Offset after the last durable record. Moves only forward. */
  readonly head: number
  /** Offset of the oldest record kept. */
  readonly tail: number
  readonly state: LogState
  /** The largest frame that this log takes; `lease` and `append` refuse larger ones with INPUT_INVALID. */
  readonly frameBytesMax: number
  /** Sees every frame before it gets its place, and may blank records of it (frame.ts). Undefined costs nothing. */
  screen: ((frame: FrameView) => void) | undefined
  /** Told of every frame that another hub appended to the same log, when it has got its place. */
  foreign: ((frame: FrameIdentities) => void) | undefined

  /**
   * A buffer of at least `bytes` from the pool, to build a frame in. Throws LOG_FULL when the pool's bound is reached, INPUT_INVALID when
   * no frame may be that large.
   */
  lease(bytes: number): Buffer
  /** Gives a leased buffer back unused. A buffer given to `append` belongs to the log and is not given back. */
  release(buffer: Buffer): void

  /**
   * Takes the frame that lies sealed in a leased buffer (`frameBytes` long). Frames of this process are numbered in call order;
   * the promise resolves with the first record's offset after the bytes are synced, on a replicated log by the rule of its servers.
   * Throws at once: LOG_FULL (disk full, next segment not ready, no quorum, too many bytes waiting: nothing was taken, try later) or LOG_STOPPED.
   * INPUT_INVALID when the frame is larger than this log can ever take. When it throws, the buffer is still leased by the caller.
   * Rejects with LOG_STOPPED when the write or the sync failed: then nothing more is taken until a restart. Without a quorum it waits for as long as
   * it takes.
   * `types`: the names in the frame's table as it was sealed, so that they need not be read from it.
   */
  append(buffer: Buffer, frameBytes: number, types?: readonly string[]): Promise<number>

  /** Resolves when everything appended before this call is durable; rejects with LOG_STOPPED. */
  durable(): Promise<void>

  /**
   * Frames from the one that holds `from` on, at most about `bytesMax` (at least one frame). Synchronous while the reader keeps up
   * (memory), a promise when the frames come from disk. Frames are valid until the current turn of the event loop ends.
   * An empty run without gaps means that there is nothing to read at `from` yet: it is the head, or ahead of what this process has heard of a
   * replicated log whose servers do not answer. Throws LOG_TRIMMED when `from` is before the tail, LOG_CORRUPT when the log does not reach
   * that far (it lost its end), LOG_UNREACHABLE while the servers of a replicated log do not answer (the same can be asked again), LOG_STOPPED
   * when the log is closed; a stopped log can still be read.
   */
  read(from: number, bytesMax: number): LogRun | Promise<LogRun>

  /** Resolves when the head is beyond `offset`, or `signal` is aborted. */
  beyond(offset: number, signal: AbortSignal): Promise<void>

  /** Offset of the first record received at or after `timeMs`; the head when there is none. */
  offsetAt(timeMs: number): Promise<number>

  /**
   * Offsets of all kept records whose identity equals the four words (normally none or one), without quarantined ones. Reads only the
   * identity index.
   */
  find(id: Identity): Promise<number[]>

  /** Sources and identities of the frames that end behind `from`, up to the head, in order. For rebuilding what is derived from ids. */
  identities(from: number): AsyncIterable<FrameIdentities>

  /**
   * How many records in [from, to) may be of these sources: all but those known to be of another one, so records in gaps are counted. Reads no
   * events, so that asking costs next to nothing. Both offsets lie between tail and head.
   */
  count(sources: ReadonlySet<number>, from: number, to: number): Promise<number>

  /**
   * Lets `edit` look at every kept frame up to the head of this moment, and puts what it gives in the frame's place: as long as the frame,
   * with the same header and the same rows in the same places, but for what was blanked (frame.ts). The frame that it is shown is a copy of
   * its own, which it may change and give back; undefined leaves the frame as it is. Afterwards no file of the log holds bytes of the
   * old frames, nor of entries that retention took earlier (servers of a replicated log may take minutes more: docs/cluster.md). A crash leaves each frame old or new, whole; calling again goes on. Throws
   * LOG_STOPPED, the signal's reason, and what the disk says.
   */
  rewrite(edit: FrameEdit, signal: AbortSignal): Promise<Rewritten>

  /** What another process had rewritten by now is read here from then on, and not what was there before. Throws LOG_STOPPED, and what the servers say. */
  reread(): Promise<void>

  /**
   * Lets `work` copy the segments that hold durable records of this moment; a replicated log has none, as its servers keep it. While it does, none of them is removed or rewritten; what is
   * appended meanwhile lies behind `dataEnd`. Throws LOG_STOPPED when the log is closed, and what `work` throws.
   */
  copying<T>(work: (copied: CopiedLog) => Promise<T>): Promise<T>

  /** Names the offset from which a reader still needs entries; entries from there on are kept. `Infinity` removes the name. */
  hold(reader: string, from: number): void

  /** What every named reader still needs, in no particular order. */
  readers(): readonly { readonly reader: string; readonly from: number }[]

  /** What retention by this rule would free now. */
  prospect(rule: Retention): Prospect

  /** Applies retention: frees segments that are past the age or size rule and that no reader holds. Called by the owner on a schedule. */
  retain(rule: Retention): Promise<Trimmed>

  stats(): LogStats
  /** Waits for what was appended to be durable, then closes. Idempotent. */
  close(): Promise<void>
}

export interface CopiedLog {
  readonly tail: number
  readonly head: number
  readonly segments: readonly {
    readonly path: string
    readonly epoch: number
    readonly base: number
    readonly end: number
    /** Position after the last durable frame: what lies behind it in the file means nothing. */
    readonly dataEnd: number
    /** Of the file. */
    readonly bytes: number
  }[]
}

export type FrameEdit = (frame: FrameView) => Buffer | undefined

export interface Rewritten {
  /** Frames looked at, and those of them that were replaced. */
  readonly frames: number
  readonly replaced: number
}

export type LogState = 'open' | 'full' | 'stopped' | 'closed'

export type Identity = readonly [number, number, number, number]

export interface LogRun {
  readonly frames: readonly FrameView[]
  /** Offset to read from next. */
  readonly next: number
  /** Offsets in [from, next) that cannot be read because the bytes did not check out; reported once by `stats().corrupt` too. */
  readonly gaps: readonly Gap[]
}

export interface Gap {
  readonly from: number
  readonly to: number
  /** File and byte position, for the operator. */
  readonly where: string
}

export interface Retention {
  readonly ageMsMax: number
  readonly bytesMax: number
  /** The operator's word that entries may go although a reader still needs them. */
  readonly despiteReaders: boolean
  readonly nowMs: number
}

export interface Trimmed {
  readonly segments: number
  readonly records: number
  /** Readers that kept entries past the rule. */
  readonly heldBy: readonly string[]
}

export interface Prospect extends Trimmed {
  /** Of the disk. */
  readonly bytes: number
}

export interface LogStats {
  readonly bytes: number
  readonly segments: number
  readonly appendedFrames: number
  readonly appendedBytes: number
  readonly syncs: number
  /** Bytes waiting to be synced. */
  readonly waitingBytes: number
  readonly corrupt: readonly Gap[]
}

/** Which ids a source has sent within the window. Same room as the log because it is rebuilt from it and commits with it. */
export interface Dedupe {
  /**
   * Looks up `count` identities (rows of `stride` words in `items`, the identity at word `at`) for a source and marks the new ones.
   * Sets seen[i] to 1 for those already known (also within this call), else 0; rows with skip[i] ≠ 0 are left alone and get 0.
   * Returns how many were seen. A seen id may belong to a frame that is not yet synced: the caller waits for `log.durable()`.
   * The caller appends the frame, or unmarks, in the same turn of the event loop. Throws, with nothing marked, LOG_FULL when ids cannot be
   * brought to disk as fast as they come, and INPUT_INVALID when `count` is more than the table takes.
   */
  mark(
    source: number,
    items: Uint32Array,
    count: number,
    stride: number,
    at: number,
    nowMs: number,
    skip: Uint8Array,
    seen: Uint8Array,
  ): number
  /** Takes back the marks of the last call of `mark`, whose frame the log refused: `seen` as `mark` left it. */
  unmark(
    source: number,
    items: Uint32Array,
    count: number,
    stride: number,
    at: number,
    skip: Uint8Array,
    seen: Uint8Array,
  ): void
  readonly windowMs: number
  stats(): { readonly ids: number; readonly bytes: number; readonly runs: number }
  close(): Promise<void>
}
