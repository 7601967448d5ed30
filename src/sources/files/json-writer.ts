/** JSON text as bytes, into a buffer that grows. What is written is well formed except for UTF-8, which is copied. */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const HEX = Buffer.from('0123456789abcdef')
/** `\u00xx` */
const ESCAPED_BYTES_MAX = 6
/** 1: stands for itself in a JSON string. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === QUOTE || byte === BACKSLASH ? 0 : 1,
)

/** Bytes of a text in words, little endian. */
export interface Phrase {
  readonly words: Uint32Array
  readonly length: number
}

const WORD_BYTES = 4

export function phraseOf(text: string): Phrase {
  const length = Buffer.byteLength(text)
  const bytes = Buffer.alloc(Math.ceil(length / WORD_BYTES) * WORD_BYTES)
  bytes.write(text)
  const words = Uint32Array.from({ length: bytes.length / WORD_BYTES }, (_, i) =>
    bytes.readUInt32LE(WORD_BYTES * i),
  )
  return { words, length }
}

export class JsonWriter {
  bytes: Buffer
  at = 0
  #view: DataView

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.#view = viewOf(bytes)
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.at + bytes > this.bytes.length) this.#grow(this.at + bytes)
  }

  /** A text that is written often. Up to three bytes behind it are overwritten, too. */
  phrase({ words, length }: Phrase): void {
    this.reserve(length + WORD_BYTES)
    const view = this.#view
    const { at } = this
    for (let i = 0; i < words.length; i++) view.setUint32(at + WORD_BYTES * i, words[i] as number, true)
    this.at = at + length
  }

  raw(source: Uint8Array): void {
    const length = source.length
    this.reserve(length)
    const { bytes } = this
    let at = this.at
    // Too short for a call of `set` to pay.
    for (let i = 0; i < length; i++) bytes[at++] = source[i] as number
    this.at = at
  }

  byte(byte: number): void {
    this.reserve(1)
    this.bytes[this.at++] = byte
  }

  ascii(text: string): void {
    const length = text.length
    this.reserve(length)
    const { bytes } = this
    let at = this.at
    for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i)
    this.at = at
  }

  /** Bytes of UTF-8 as a JSON string. `source` is a view of all the bytes that positions are counted in. */
  string(source: DataView, from: number, end: number): void {
    this.reserve((end - from) * ESCAPED_BYTES_MAX + 2)
    const { bytes } = this
    const view = this.#view
    let at = this.at
    bytes[at++] = QUOTE
    let i = from
    // Four at a time while none of the four needs escaping, which is nearly always.
    for (const last = end - 4; i <= last; i += 4, at += 4) {
      const four = source.getUint32(i, true)
      if (needsEscape(four)) break
      view.setUint32(at, four, true)
    }
    for (; i < end; i++) {
      const byte = source.getUint8(i)
      if (PLAIN[byte] === 1) bytes[at++] = byte
      else at = escaped(bytes, at, byte)
    }
    bytes[at++] = QUOTE
    this.at = at
  }

  copy(source: Buffer, from: number, end: number): void {
    this.reserve(end - from)
    source.copy(this.bytes, this.at, from, end)
    this.at += end - from
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.bytes.length))
    this.bytes.copy(larger, 0, 0, this.at)
    this.bytes = larger
    this.#view = viewOf(larger)
  }
}

export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Whether one of the four bytes is a control character, a quote or a backslash (the usual test for a zero byte, three times). */
function needsEscape(four: number): boolean {
  const quote = four ^ 0x22222222
  const backslash = four ^ 0x5c5c5c5c
  const low = (four - 0x20202020) & ~four
  return (
    ((low | ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash)) & 0x80808080) !== 0
  )
}

function escaped(bytes: Buffer, at: number, byte: number): number {
  bytes[at] = BACKSLASH
  if (byte >= 0x20) {
    bytes[at + 1] = byte
    return at + 2
  }
  bytes.set([0x75, 0x30, 0x30, HEX[byte >>> 4] as number, HEX[byte & 15] as number], at + 1)
  return at + ESCAPED_BYTES_MAX
}
