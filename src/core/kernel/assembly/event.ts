// One event object: validated from brace to brace, and on the way the places of the values that its header needs.

import { colon, escaped, refuse, space, string, value } from './json'
import { INVALID_JSON, KEY_SCRATCH, reserve, SLACK } from './layout'
import { beginShape, below, noteMember, root, SHAPE_DEPTH, shape } from './shape'
import { identity, person, withoutEscapes } from './text'
import { typeOf } from './types'

const OTHER: u32 = 0
const ID: u32 = 1
export const EVENT_TYPE: u32 = 2
const USER: u32 = 3
const PROPERTIES: u32 = 4
export const EVENTS: u32 = 5
const ROOT_EXTERNAL_ID: u32 = 6
const ROOT_OWN_ID: u32 = 7
const EXTERNAL_ID: u32 = 1
const BRAZE_ID: u32 = 2
const DEVICE_ID: u32 = 3

// The bytes of keys as little-endian words.
const EVENT_TY: u64 = ((<u64>0x79745f74) << 32) | 0x6e657665
const PROPERTI: u64 = ((<u64>0x69747265) << 32) | 0x706f7270
const DEVICE_I: u64 = ((<u64>0x695f6563) << 32) | 0x69766564
const EXTERNAL: u64 = ((<u64>0x6c616e72) << 32) | 0x65747865
const MESSAGEI: u64 = ((<u64>0x49656761) << 32) | 0x7373656d
const ANONYMOU: u64 = ((<u64>0x756f6d79) << 32) | 0x6e6f6e61
const _USER_ID: u64 = ((<u64>0x64695f72) << 32) | 0x6573755f

const HAS_ID: u32 = 1
const HAS_EXTERNAL_ID: u32 = 2
const HAS_BRAZE_ID: u32 = 4
const ODD: u32 = 8

// Places of strings, without quotes; a start of 0 = absent or not a string. As in JSON.parse the last of several equal keys counts.
let idStart: usize = 0
let idEnd: usize = 0
let typeStart: usize = 0
let typeEnd: usize = 0
let externalStart: usize = 0
let externalEnd: usize = 0
let brazeStart: usize = 0
let brazeEnd: usize = 0
let deviceStart: usize = 0
let deviceEnd: usize = 0
/** Which header keys were met, to notice a second one. */
let met: u32 = 0
let metInUser: u32 = 0
let odd: bool = false
/** A key `events` with an array behind it was met: this may be a wrapper of events. */
export let holdsEvents: bool = false

/** Index into VOCABULARIES of ../kernel.ts. */
const CURRENTS: u32 = 0
const SEGMENT: u32 = 1
let vocabulary: u32 = CURRENTS

export function setVocabulary(index: u32): void {
  vocabulary = index
}

/** The type is a string. */
export function isTyped(): bool {
  return typeStart !== 0
}

/** What a key at the top of an event means. Up to 16 bytes beyond it may be read. */
function rootMeaning(at: usize, length: usize): u32 {
  if (vocabulary !== CURRENTS) return vocabulary === SEGMENT ? segmentMeaning(at, length) : OTHER
  if (length === 2) return load<u16>(at) === 0x6469 ? ID : OTHER // id
  if (length === 4) return load<u32>(at) === 0x72657375 ? USER : OTHER // user
  if (length === 6) return load<u32>(at) === 0x6e657665 && load<u16>(at, 4) === 0x7374 ? EVENTS : OTHER // even ts
  if (length === 10) {
    const head = load<u64>(at)
    const tail: u32 = load<u16>(at, 8)
    if (head === EVENT_TY) return tail === 0x6570 ? EVENT_TYPE : OTHER // event_ty pe
    if (head === PROPERTI) return tail === 0x7365 ? PROPERTIES : OTHER // properti es
  }
  return OTHER
}

function segmentMeaning(at: usize, length: usize): u32 {
  if (length === 4) return load<u32>(at) === 0x65707974 ? EVENT_TYPE : OTHER // type
  if (length === 5) return load<u32>(at) === 0x63746162 && load<u8>(at, 4) === 0x68 ? EVENTS : OTHER // batc h
  if (length === 6) {
    // user Id
    return load<u32>(at) === 0x72657375 && load<u16>(at, 4) === 0x6449 ? ROOT_EXTERNAL_ID : OTHER
  }
  if (length === 9) return load<u64>(at) === MESSAGEI && load<u8>(at, 8) === 0x64 ? ID : OTHER // messageI d
  if (length === 11) {
    // anonymou usId
    return load<u64>(at) === ANONYMOU && load<u32>(at, 7) === 0x64497375 ? ROOT_OWN_ID : OTHER
  }
  return OTHER
}

function userMeaning(at: usize, length: usize): u32 {
  if (length === 7) {
    return load<u32>(at) === 0x72657375 && load<u32>(at, 3) === 0x64695f72 ? BRAZE_ID : OTHER // user r_id
  }
  if (length === 9) return load<u64>(at) === DEVICE_I && load<u8>(at, 8) === 0x64 ? DEVICE_ID : OTHER // device_i d
  if (length === 16) {
    // external _user_id
    return load<u64>(at) === EXTERNAL && load<u64>(at, 8) === _USER_ID ? EXTERNAL_ID : OTHER
  }
  return OTHER
}

/** An escaped key may be one of ours: `"\u0069d"` is `id`. Ours have at most 16 characters, each at most 6 bytes as an escape. */
function unescapedKey(at: usize, stop: usize): usize {
  return stop - at > 96 ? 0 : withoutEscapes(at, stop, KEY_SCRATCH) - KEY_SCRATCH
}

/** What the key at [at, stop) means at the top of an object, `wasEscaped` or not. */
export function meaningOf(at: usize, stop: usize, wasEscaped: bool): u32 {
  return wasEscaped ? rootMeaning(KEY_SCRATCH, unescapedKey(at, stop)) : rootMeaning(at, stop - at)
}

/** Behind a member: the start of the next key's quote, or the closing brace. */
function next(at: usize): usize {
  at = space(at)
  const c: u32 = load<u8>(at)
  if (c === 0x7d) return at
  if (c !== 0x2c) return refuse(at, INVALID_JSON)
  at = space(at + 1)
  return load<u8>(at) === 0x22 ? at : refuse(at, INVALID_JSON)
}

/** The first key's quote of the object that opens at `at`, or its closing brace. */
function first(at: usize): usize {
  at = space(at + 1)
  const c: u32 = load<u8>(at)
  return c === 0x22 || c === 0x7d ? at : refuse(at, INVALID_JSON)
}

/** From the opening brace to behind the closing one, or 0. */
export function event(at: usize): usize {
  idStart = 0
  typeStart = 0
  externalStart = 0
  brazeStart = 0
  deviceStart = 0
  met = 0
  odd = false
  holdsEvents = false
  beginShape()
  at = first(at)
  while (at) {
    if (load<u8>(at) === 0x7d) return at + 1
    const key = at + 1
    at = string(key)
    if (!at) return 0
    const path = below(root, key, at - 1)
    const meaning = meaningOf(key, at - 1, escaped)
    if (escaped) odd = true
    at = colon(at)
    if (!at) return 0
    const start = at
    at = rootValue(at, meaning, path)
    if (!at) return 0
    noteMember(path, start)
    at = next(at)
  }
  return 0
}

function rootValue(at: usize, meaning: u32, path: u64): usize {
  if (meaning === OTHER) return shaped(at, 1, path)
  const c: u32 = load<u8>(at)
  if (meaning === PROPERTIES) return c === 0x7b ? members(at, 2, path, true) : value(at, 1)
  if (meaning === EVENTS) {
    if (c === 0x5b) holdsEvents = true
    return shaped(at, 1, path)
  }
  if (met & (1 << meaning)) odd = true
  met |= 1 << meaning
  if (meaning === USER) {
    externalStart = 0
    brazeStart = 0
    deviceStart = 0
    return c === 0x7b ? user(at, path) : value(at, 1)
  }
  const stop = shaped(at, 1, path)
  const start = c === 0x22 ? at + 1 : 0
  if (start && stop && escaped) odd = true
  if (meaning === ID) {
    idStart = start
    idEnd = stop - 1
  } else if (meaning === ROOT_EXTERNAL_ID) {
    externalStart = start
    externalEnd = stop - 1
  } else if (meaning === ROOT_OWN_ID) {
    brazeStart = start
    brazeEnd = stop - 1
  } else {
    typeStart = start
    typeEnd = stop - 1
  }
  return stop
}

function user(at: usize, parent: u64): usize {
  metInUser = 0
  at = first(at)
  while (at) {
    if (load<u8>(at) === 0x7d) return at + 1
    const key = at + 1
    at = string(key)
    if (!at) return 0
    let meaning: u32
    if (escaped) {
      odd = true
      meaning = userMeaning(KEY_SCRATCH, unescapedKey(key, at - 1))
    } else {
      meaning = userMeaning(key, at - 1 - key)
    }
    const path = below(parent, key, at - 1)
    at = colon(at)
    if (!at) return 0
    const stop = shaped(at, 2, path)
    if (!stop) return 0
    noteMember(path, at)
    if (meaning !== OTHER) notePerson(meaning, load<u8>(at) === 0x22 ? at + 1 : 0, stop - 1)
    at = next(stop)
  }
  return 0
}

/** Called right after the value was read, so that `escaped` speaks of it if it is a string. */
function notePerson(meaning: u32, start: usize, stop: usize): void {
  if (metInUser & (1 << meaning)) odd = true
  metInUser |= 1 << meaning
  if (start && escaped) odd = true
  if (meaning === EXTERNAL_ID) {
    externalStart = start
    externalEnd = stop
  } else if (meaning === BRAZE_ID) {
    brazeStart = start
    brazeEnd = stop
  } else {
    deviceStart = start
    deviceEnd = stop
  }
}

/** Any value inside `depth` open containers. The members of objects are noted as far as shapes go. */
function shaped(at: usize, depth: u32, path: u64): usize {
  return load<u8>(at) === 0x7b && depth < SHAPE_DEPTH ? members(at, depth + 1, path, false) : value(at, depth)
}

/** The object that opens at `at`, with its members noted; they lie `depth` deep. `isRead`: an escape in a key makes the event odd. */
function members(at: usize, depth: u32, parent: u64, isRead: bool): usize {
  at = first(at)
  while (at) {
    if (load<u8>(at) === 0x7d) return at + 1
    const key = at + 1
    at = string(key)
    if (!at) return 0
    if (isRead && escaped) odd = true
    const path = below(parent, key, at - 1)
    const start = colon(at)
    if (!start) return 0
    at = shaped(start, depth, path)
    if (!at) return 0
    noteMember(path, start)
    at = next(at)
  }
  return 0
}

// A string of the header as UTF-8 without escapes.
let plainAt: usize = 0
let plainLength: u32 = 0

/** False when there is no memory for the copy. */
function plain(start: usize, stop: usize, scratch: usize): bool {
  plainAt = start
  plainLength = <u32>(stop - start)
  if (!odd) return true
  if (!reserve(scratch + (stop - start) + SLACK)) return false
  plainAt = scratch
  plainLength = <u32>(withoutEscapes(start, stop, scratch) - scratch)
  return true
}

/**
 * Writes words 2 to 8, and 12 and 13, of the row at `row` for the event just read. `scratch` is where memory is free without end.
 * False when there is no memory.
 */
export function writeHeader(row: usize, scratch: usize): bool {
  let flags: u32 = odd ? ODD : 0
  if (idStart && idEnd > idStart) {
    flags |= HAS_ID
    if (!plain(idStart, idEnd, scratch)) return false
    identity(plainAt, plainLength, row + 8)
  }
  const hasExternal = externalStart !== 0 && externalEnd > externalStart
  const hasBraze = brazeStart !== 0 && brazeEnd > brazeStart
  if (hasExternal) flags |= HAS_EXTERNAL_ID
  if (hasBraze) flags |= HAS_BRAZE_ID
  const start = hasExternal ? externalStart : hasBraze ? brazeStart : deviceStart
  const stop = hasExternal ? externalEnd : hasBraze ? brazeEnd : deviceEnd
  if (start && stop > start) {
    if (!plain(start, stop, scratch)) return false
    store<u32>(row, person(plainAt, plainLength), 24)
  }
  if (typeStart) {
    if (!plain(typeStart, typeEnd, scratch)) return false
    store<u32>(row, typeOf(plainAt, plainLength), 28)
  }
  store<u32>(row, flags, 32)
  store<u64>(row, shape(), 48)
  return true
}
