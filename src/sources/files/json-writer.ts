/** JSON text as bytes, into a buffer that grows. */

export class JsonWriter {
  bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  raw(source: Uint8Array): void {
    this.#reserve(source.length)
    this.bytes.set(source, this.at)
    this.at += source.length
  }

  byte(byte: number): void {
    this.#reserve(1)
    this.bytes[this.at++] = byte
  }

  copy(source: Buffer, from: number, end: number): void {
    this.#reserve(end - from)
    source.copy(this.bytes, this.at, from, end)
    this.at += end - from
  }

  /** Makes room for `bytes` more. */
  #reserve(bytes: number): void {
    const room = this.at + bytes
    if (room <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(room, 2 * this.bytes.length))
    this.bytes.copy(larger, 0, 0, this.at)
    this.bytes = larger
  }
}
