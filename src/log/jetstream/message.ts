/**
 * A message of the replicated log: one or more whole frames, back to back as the embedded log writes them (epoch and base offset 0: their place is
 * the message's), and a label in a header. Offsets are not stored. They follow from the order of the stream: a message begins where the one
 * before it ended. The label makes that certain: it says how many records the message has even where its bytes do not check out, and
 * repeats something about an earlier place, "behind sequence S the offset was O", from which the offsets can be told although messages
 * before were trimmed or lost.
 *
 * Label: `1 <kind> <records> <receivedAtMax> <S> <O>`. Kinds: `frames`; `jump`, an empty message that moves the head to O.
 */

import { FRAME_VERSION, FrameView, frameHolds, HEADER_BYTES, ROW_BYTES } from '../frame.ts'

export const LABEL_HEADER = 'Thalweg-Label'

export interface Label {
  readonly kind: 'frames' | 'jump'
  readonly records: number
  /** Latest `receivedAt` of its frames. */
  readonly receivedAtMax: number
  /** Behind the message `seq` the offset was `offset`. */
  readonly known: Known
}

export interface Known {
  readonly seq: number
  readonly offset: number
}

/** A message of the stream as far as its place is concerned. Undefined label: it is not ours. */
export interface Message {
  readonly seq: number
  readonly id: string
  readonly label: Label | undefined
  /** Empty when only the headers were asked for. */
  readonly bytes: Buffer
  /** Of the body, even where it was not asked for. */
  readonly size: number
}

export function encodeLabel({ kind, records, receivedAtMax, known }: Label): string {
  return `1 ${kind} ${records} ${receivedAtMax} ${known.seq} ${known.offset}`
}

/** Undefined for what is no label of this version. */
export function decodeLabel(text: string): Label | undefined {
  const [version, kind, ...rest] = text.split(' ')
  const [records = Number.NaN, receivedAtMax = Number.NaN, seq = Number.NaN, offset = Number.NaN] =
    rest.map(Number)
  if (version !== '1' || (kind !== 'frames' && kind !== 'jump') || rest.length !== 4) return undefined
  if (![records, seq, offset].every((number) => Number.isSafeInteger(number) && number >= 0)) return undefined
  if (!Number.isFinite(receivedAtMax)) return undefined
  return { kind, records, receivedAtMax, known: { seq, offset } }
}

/**
 * The frames of a message, copied to where rows can be read as words, with their offsets written in. Undefined when the bytes are not
 * whole frames with as many records as the label says.
 */
export function framesOf(message: Message, base: number): FrameView[] | undefined {
  const { bytes: sent, label } = message
  if (label === undefined) return undefined
  const bytes = Buffer.allocUnsafeSlow(sent.length)
  sent.copy(bytes)
  const frames: FrameView[] = []
  let offset = base
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.subarray(at)
    if (!frameHolds(rest, 0)) return undefined
    const frame = new FrameView(rest.subarray(0, rest.readUInt32LE(4)))
    if (!isSound(frame)) return undefined
    placeFrame(frame, offset)
    frames.push(frame)
    offset += frame.count
    at += frame.bytes.length
  }
  return offset - base === label.records ? frames : undefined
}

/** In our memory only: what lies on the servers has no offset, and a checksum without one. */
export function placeFrame(frame: FrameView, baseOffset: number): void {
  frame.bytes.writeDoubleLE(baseOffset, 16)
}

function isSound(frame: FrameView): boolean {
  const { count, bytes } = frame
  return (
    count > 0 && HEADER_BYTES + count * ROW_BYTES <= bytes.length && bytes.readUInt32LE(52) === FRAME_VERSION
  )
}
