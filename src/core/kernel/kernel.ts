/**
 * The kernel: what must be fast about JSON. It finds the events in a body, their ids, types and persons, and says for
 * each whether it is whole, without building objects; and it projects events onto another shape from their raw bytes.
 *
 * Two executors of one contract, both made by create.ts: the WASM kernel (assembly/, built by `npm run build:kernel`) and its plain
 * JavaScript twin (scan.ts, project.ts), which is the oracle in differential tests and the fallback. What counts as an item in a
 * damaged body is written down in scan.ts, which of two equal keys survives a projection in project.ts. This room never does I/O
 * beyond loading its own artefact, and never decides what happens to an event.
 */

/** What the body as a whole looked like. */
export type BodyShape =
  | 'empty' // nothing but white space, `{}`, `[]`, or an `events` array without elements
  | 'events' // {"events":[...]}, perhaps with other members beside it; or an array whose elements are such objects
  | 'array' // [event, ...]
  | 'bare' // one event object
  | 'broken' // not one complete item could be made out

/**
 * The words in which a sender names what a header needs; the rules of finding items are the same in all.
 *
 * |                  | currents                     | segment       | rows |
 * |------------------|------------------------------|---------------|------|
 * | list of items    | `events`                     | `batch`       | –    |
 * | id               | `id`                         | `messageId`   | –    |
 * | type             | `event_type`                 | `type`        | –    |
 * | external id      | `user.external_user_id`      | `userId`      | –    |
 * | the sender's own | `user.user_id`               | `anonymousId` | –    |
 * | device           | `user.device_id`             | –             | –    |
 *
 * Rows are objects of any kind: no member of theirs means anything, and only places and faults are found.
 */
export const VOCABULARIES = ['currents', 'segment', 'rows'] as const
export type Vocabulary = (typeof VOCABULARIES)[number]

/** Why a scan cannot take an item as an event. Kept with the bytes in quarantine; 0 = none. */
export const ITEM_FAULTS = [
  'none',
  'not_an_object', // a number, string, boolean, null or array where an event object should be
  'invalid_json', // a syntax error inside the item
  'invalid_utf8', // bytes that are not UTF-8 inside the item
  'too_deep', // nested deeper than DEPTH_MAX
  'truncated', // the body ended inside the item
  'trailing_bytes', // bytes between or after the items that belong to none
  'unreadable_block', // a stretch of a file; never from a scan
  'unreadable_record', // a record of a file; never from a scan
] as const
export type ItemFault = (typeof ITEM_FAULTS)[number]

/** Nesting beyond this is refused; the event itself is depth 1. */
export const DEPTH_MAX = 256

/** Words of one row of Scan.items. */
export const ITEM_WORDS = 14
export const ITEM_START = 0 // first byte of the item in the body
export const ITEM_END = 1 // one past the last byte
export const ITEM_ID = 2 // words 2..5: 128-bit identity of the id, see identityOf
export const ITEM_PERSON = 6 // 32-bit hash of the external id, else the sender's own, else the device, else 0
export const ITEM_TYPE = 7 // index into Kernel.types
export const ITEM_FLAGS = 8 // ITEM_HAS_… bits
export const ITEM_FAULT = 9 // index into ITEM_FAULTS
export const ITEM_FAULT_AT = 10 // byte position in the body where the fault was seen
// word 11 is reserved and 0
export const ITEM_SHAPE = 12 // words 12 and 13: the shape of an event, low word first, see shape.ts; 0 = none was taken

export const ITEM_HAS_ID = 1 // the id is a non-empty string
export const ITEM_HAS_EXTERNAL_ID = 2 // the external id (Segment: userId) is a non-empty string
export const ITEM_HAS_BRAZE_ID = 4 // the sender's own id (Segment: anonymousId) is a non-empty string
/**
 * The header words were taken the slow way because the event is unusual: an escape in a key or in a value that the header needs,
 * or a key the header needs that appears twice. Projections of such an event go through the JavaScript twin.
 */
export const ITEM_ODD = 8

export interface Scan {
  readonly shape: BodyShape
  /** Number of rows in `items`: events and faulty items, in body order. */
  readonly count: number
  /** Rows of ITEM_WORDS words. Valid until the next call of the kernel. */
  readonly items: Uint32Array
  /** With shape `broken`: what was seen first and where. */
  readonly fault: ItemFault
  readonly faultAt: number
}

/** Index 0: the event has no string for a type. */
export const TYPE_NONE = 0
/**
 * Names the kernel keeps exactly. Later unknown ones, and names of more than 256 bytes, share TYPE_OTHER, for which Kernel.types has
 * no entry: they are read from the bytes when needed.
 */
export const TYPES_MAX = 8192
export const TYPE_OTHER = 8191

/** A path of one or two keys from the root of an event, e.g. ['id'] or ['properties', 'campaign_id']. */
export type Path = readonly [string] | readonly [string, string]

/**
 * How to build one output value from an event. Members that copy from an absent path leave nothing behind, not even their key.
 * Two-level paths only; the JavaScript twin has the same semantics over parsed values.
 */
export type Member =
  | { readonly key: string; readonly constant: unknown }
  /** Copies the raw JSON value. */
  | { readonly key: string; readonly copy: Path }
  /** Copies a JSON string with `suffix` (plain ASCII without quotes or backslashes) added before its closing quote. Absent unless a string. */
  | { readonly key: string; readonly suffixed: Path; readonly suffix: string }
  /** Unix seconds (an integer, 0 ≤ t < 253402300800) as ISO-8601 with milliseconds. Any other value makes the event odd for this projection. */
  | { readonly key: string; readonly isoTime: Path }
  | { readonly key: string; readonly object: readonly Member[] }
  /**
   * Splices the members of the object at `rest` (one key) in source order, without the keys in `except`, with those in `rename`
   * under their new names. Absent or not an object: nothing.
   */
  | {
      readonly rest: string
      readonly except: readonly string[]
      readonly rename: Readonly<Record<string, string>>
    }

export interface Projection {
  readonly members: readonly Member[]
}

/** A handle of a compiled projection; valid for the life of the kernel. */
export type CompiledProjection = number

export interface Kernel {
  readonly name: 'wasm' | 'javascript'
  /** Every event type met so far; index = ITEM_TYPE. Grows, never changes. Index 0 is ''. */
  readonly types: readonly string[]

  /**
   * Finds the items of `body`, in the words of `vocabulary`: `currents` unless it says otherwise (at most `bodyBytesMax`, at most `itemsMax` items).
   * Never throws on any bytes. Throws INPUT_INVALID when there are more than `itemsMax` items (position in the message) or
   * more than `bodyBytesMax` bytes; RangeError when the host has no memory left.
   */
  scan(body: Uint8Array, vocabulary?: Vocabulary): Scan

  /**
   * Compiled projections are kept for the life of the kernel, equal ones once. Throws TypeError when the projection does not hold
   * together (a key twice in one object, a suffix that is not plain), RangeError past 64 MB of them.
   */
  compile(projection: Projection): CompiledProjection

  /**
   * Writes the projections of `count` events to `out` from `at` on, joined by commas. Event i lies at
   * bytes[starts[i] .. ends[i]) and uses projections[i]. Sets outEnds[i] to the position after event i.
   * Returns the end position; returns -1 - i when event i is odd for its projection (nothing after i - 1 was written: the caller
   * maps that one with `projectValue` and goes on); throws RangeError when `out` is too small (what it then holds is undefined).
   * Odd are: an escape in a key at the top or in an object that the projection looks into; a key at the top that
   * matters and stands there twice; a time that is not plain; and bytes that a scan would not accept.
   */
  project(
    bytes: Uint8Array,
    starts: Uint32Array,
    ends: Uint32Array,
    count: number,
    projections: Uint32Array,
    out: Uint8Array,
    at: number,
    outEnds: Uint32Array,
  ): number

  /**
   * The members of one event down to depth two, as rows of five words: parent (0 = root, else 1 + row index of the parent member),
   * key start, key end (without quotes), value start, value end. Returns the number of rows; throws RangeError when `into` is too small
   * and TypeError when the bytes are not one event that a scan accepts.
   */
  members(event: Uint8Array, into: Uint32Array): number
}

export interface KernelOptions {
  /** Largest body, in bytes. Memory grows to what was really met. */
  readonly bodyBytesMax: number
  /** Items in one body. */
  readonly itemsMax: number
  /** 16 bytes that key the identity of ids that are not UUIDs, so that nobody can forge a collision. */
  readonly key: Uint8Array
}
