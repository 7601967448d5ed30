// Decodes a block of Avro records into events, by a program that ../avro-program.ts lays out. A record is walked twice: over its
// fields, to learn where each begins, then in the order of the event's members. What the module exports stands at the end.
//
//   root         0, address of an event; or 1, address of the branches (a root each), their count
//   event        fields: address, count; head: address, length; members of the event, of its user, of its properties:
//                address, count each; address of the field of the time, or 0
//   field        node; byte that says null, or 256; where it begins in the record at hand, 0: it is null
//   member       address of the field; key with its comma and colon: address, length

import { copy, reserve } from '../../../core/kernel/assembly/layout'
import { EVENTS_MAX, HOURS, NO_BRANCH, RESULT } from './layout'
import { clearFault, fault, long, moveSource, next, refuse, setSource, stop } from './source'
import { beginEvent, byte, moveTo, room, setTarget, to } from './target'
import { beginRecord, close, MEMBER_BYTES, skip, writeMember } from './values'

const FIELD_BYTES: usize = 12
const HOUR_SECONDS: i64 = 3600
const HOURS_MAX: i64 = 0xffffffff
// The bytes of `,"user":` and `,"properties":` as little-endian words.
const USER: u64 = ((<u64>0x3a227265) << 32) | 0x7375222c
const PROPER: u64 = ((<u64>0x7265706f) << 32) | 0x7270222c
const TIES: u64 = ((<u64>0x3a22) << 32) | 0x73656974

/** The event that the record at `at` is, of those that the file may hold; `next` is then behind the choice. */
function eventAt(root: usize, at: usize): usize {
  while (load<u32>(root)) {
    const index = long(at)
    if (!next) return 0
    if (<u64>index >= <u64>load<u32>(root, 8)) return refuse(NO_BRANCH)
    root = <usize>load<u32>(<usize>load<u32>(root, 4) + ((<usize>index) << 2))
    at = next
  }
  moveSource(at)
  return <usize>load<u32>(root, 4)
}

/** Notes where each field begins; gives the position behind the record. */
function walk(event: usize, at: usize): usize {
  let field = <usize>load<u32>(event)
  for (let left = load<u32>(event, 4); left; left--, field += FIELD_BYTES) {
    if (at < stop && <u32>load<u8>(at) === load<u32>(field, 4)) {
      store<u32>(field, 0, 8)
      at++
      continue
    }
    store<u32>(field, <u32>at, 8)
    at = skip(<usize>load<u32>(field), at)
    if (!at) return 0
  }
  return at
}

/** The members of a list: its address lies at `list`, its count behind that. False: a fault. */
function members(list: usize): bool {
  let member = <usize>load<u32>(list)
  for (let left = load<u32>(list, 4); left; left--, member += MEMBER_BYTES) {
    const field = <usize>load<u32>(member)
    const at = <usize>load<u32>(field, 8)
    if (at && !writeMember(member, <usize>load<u32>(field), at)) return false
  }
  return true
}

function object(list: usize): bool {
  const open = to
  if (!members(list) || !room(0)) return false
  close(open, 0x7b)
  return true
}

function write(event: usize): bool {
  const head = <usize>load<u32>(event, 12)
  if (!room(head)) return false
  const start = to
  copy(to, <usize>load<u32>(event, 8), head)
  moveTo(to + head)
  if (!members(event + 16) || !room(0)) return false
  store<u64>(to, USER)
  moveTo(to + 8)
  if (!object(event + 24) || !room(0)) return false
  store<u64>(to, PROPER)
  store<u64>(to, TIES, 8)
  moveTo(to + 14)
  if (!object(event + 32) || !room(0)) return false
  byte(0x7d)
  // Instead of the comma before the first member.
  store<u8>(start, 0x7b)
  return true
}

/** Hours since the epoch; 0 where there is no time, or none that fits. */
function hourOf(event: usize): u32 {
  const field = <usize>load<u32>(event, 40)
  const at: usize = field ? <usize>load<u32>(field, 8) : 0
  if (!at) return 0
  const seconds = long(at)
  const hour = seconds / HOUR_SECONDS
  return seconds < 0 || hour > HOURS_MAX ? 0 : <u32>hour
}

/** The record at `at` as an event; gives the position behind it. */
function decodeEvent(root: usize, at: usize, hourAt: usize): usize {
  beginRecord()
  const event = eventAt(root, at)
  if (!event) return 0
  const behind = walk(event, next)
  if (!behind || !write(event)) return 0
  store<u32>(hourAt, hourOf(event))
  return behind
}

/** Makes memory reach up to `top`. */
export function grow(top: usize): bool {
  return reserve(top)
}

/** Declares the block that ends before `end`; memory reaches SLACK bytes beyond that. */
export function begin(end: usize): void {
  setSource(end)
}

/**
 * Writes the records from `at` on as events to `out`, a comma between two: up to `countMax` (at most EVENTS_MAX), and until they have
 * `bytesMax` bytes. RESULT then holds the events written, where the next record begins, the end of what was written, and
 * what is wrong with that record, if it was to be written. HOURS holds the hour of each event.
 */
export function decode(root: usize, at: usize, countMax: u32, bytesMax: usize, out: usize): void {
  setTarget(out)
  clearFault()
  const most = countMax < EVENTS_MAX ? countMax : EVENTS_MAX
  let count: u32 = 0
  while (count < most && to - out < bytesMax) {
    const before = to
    beginEvent()
    if (room(0)) {
      if (count) byte(0x2c)
      const behind = decodeEvent(root, at, HOURS + ((<usize>count) << 2))
      if (behind) {
        at = behind
        count++
        continue
      }
    }
    moveTo(before)
    break
  }
  store<u32>(RESULT, count)
  store<u32>(RESULT, <u32>at, 4)
  store<u32>(RESULT, <u32>to, 8)
  store<u32>(RESULT, fault, 12)
}

/** Passes over `count` records; RESULT is as of `decode`. */
export function pass(root: usize, at: usize, count: u32): void {
  clearFault()
  let passed: u32 = 0
  for (; passed < count; passed++) {
    beginRecord()
    const event = eventAt(root, at)
    const behind = event ? walk(event, next) : 0
    if (!behind) break
    at = behind
  }
  store<u32>(RESULT, passed)
  store<u32>(RESULT, <u32>at, 4)
  store<u32>(RESULT, fault, 12)
}
