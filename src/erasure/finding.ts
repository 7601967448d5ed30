/**
 * Which identifiers are one person: those that were given, and those that records of theirs carry beside them, as far as the records clearly
 * join. An external id and a Braze id name a person; what stands beside one of them in a record is theirs, unless the same value stands beside the id of
 * somebody else in another record: a shared address, telephone or device joins nobody.
 */

import { setImmediate } from 'node:timers/promises'
import { jsonOf } from '../core/json.ts'
import { type SubjectIdentifier, subjectKey, subjectsIn, Traces } from '../core/traces.ts'
import { absenceOf, type FrameView } from '../log/frame.ts'
import type { Log } from '../log/log.ts'

export interface Joined {
  /** The given ones first. */
  readonly identifiers: readonly SubjectIdentifier[]
  /** Beside theirs in a record, and beside somebody else's in another: not taken. */
  readonly shared: readonly SubjectIdentifier[]
}

const READ_BYTES = 512 * 1024
/** Each goes over the whole log, perhaps twice. Ids that a merge chain longer than this joins are not found. */
const ROUNDS_MAX = 6
/** More identifiers than one person has: they are then no longer clearly theirs. */
const IDENTIFIERS_MAX = 1_000

export async function joinedIn(
  log: Log,
  given: readonly SubjectIdentifier[],
  signal: AbortSignal,
): Promise<Joined> {
  const known = new Map(given.map((identifier) => [subjectKey(identifier), identifier]))
  const shared = new Map<string, SubjectIdentifier>()
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const beside = await besideThem(log, known, signal)
    for (const key of shared.keys()) beside.delete(key)
    if (beside.size === 0) break
    const others = await sharedAmong(log, known, beside, signal)
    const before = known.size
    for (const [key, identifier] of beside) {
      if (others.has(key)) shared.set(key, identifier)
      else if (known.size < IDENTIFIERS_MAX) known.set(key, identifier)
    }
    if (known.size === before) break
  }
  return { identifiers: [...known.values()], shared: [...shared.values()] }
}

/** What stands beside one of their own ids in a record, and is not known yet. */
async function besideThem(
  log: Log,
  known: ReadonlyMap<string, SubjectIdentifier>,
  signal: AbortSignal,
): Promise<Map<string, SubjectIdentifier>> {
  const beside = new Map<string, SubjectIdentifier>()
  await eachTrace(log, [...known.values()], signal, (subjects) => {
    if (!isTheirs(subjects, known)) return
    const hasExternalId = subjects.some((one) => one.kind === 'external_id' && known.has(subjectKey(one)))
    for (const subject of subjects) {
      const key = subjectKey(subject)
      // Two external ids in one record: who is who the record does not say.
      if (known.has(key) || (subject.kind === 'external_id' && hasExternalId)) continue
      beside.set(key, subject)
    }
  })
  return beside
}

/** Those of `beside` that stand in a record of somebody else, too. */
async function sharedAmong(
  log: Log,
  known: ReadonlyMap<string, SubjectIdentifier>,
  beside: ReadonlyMap<string, SubjectIdentifier>,
  signal: AbortSignal,
): Promise<Set<string>> {
  const shared = new Set<string>()
  const one = new Map([...known, ...[...beside].filter(([, { kind }]) => isOwn(kind))])
  await eachTrace(log, [...beside.values()], signal, (subjects) => {
    const isOfOthers = subjects.some((subject) => isOwn(subject.kind) && !one.has(subjectKey(subject)))
    if (!isOfOthers) return
    for (const subject of subjects) if (beside.has(subjectKey(subject))) shared.add(subjectKey(subject))
  })
  return shared
}

function isTheirs(
  subjects: readonly SubjectIdentifier[],
  known: ReadonlyMap<string, SubjectIdentifier>,
): boolean {
  return subjects.some((subject) => isOwn(subject.kind) && known.has(subjectKey(subject)))
}

/** One person's alone, by what it is. */
function isOwn(kind: SubjectIdentifier['kind']): boolean {
  return kind === 'external_id' || kind === 'braze_id'
}

/** Tells of each record that is about one of them whom it names. */
async function eachTrace(
  log: Log,
  identifiers: readonly SubjectIdentifier[],
  signal: AbortSignal,
  take: (subjects: readonly SubjectIdentifier[]) => void,
): Promise<void> {
  const traces = new Traces(identifiers)
  await eachFrame(log, signal, (frame) => {
    if (!traces.mayBeIn(frame.bytes.toString('latin1'))) return
    for (let i = 0; i < frame.count; i++) {
      if (absenceOf(frame.rowFlags(i)) !== undefined) continue
      const record = frame.bytes.subarray(frame.rowStart(i), frame.rowEnd(i))
      if (!traces.mayBeIn(record.toString('latin1')) || traces.bearingOf(record) !== 'theirs') continue
      const parsed = jsonOf(record.toString())
      if (parsed !== undefined) take(subjectsIn(parsed))
    }
  })
}

/** Every kept frame, up to the head of this moment, with turns of the event loop between. */
export async function eachFrame(
  log: Log,
  signal: AbortSignal,
  take: (frame: FrameView) => void,
): Promise<void> {
  const { head } = log
  for (let at = log.tail; at < head; ) {
    signal.throwIfAborted()
    const pending = log.read(Math.max(at, log.tail), READ_BYTES)
    const run = pending instanceof Promise ? await pending : pending
    for (const frame of run.frames) take(frame)
    if (run.next <= at) return
    at = run.next
    await setImmediate()
  }
}
