/** MessagePack of a result: one array per row, rows one after the other (the format of the same name of the job API). */

/** Of a page that is handed out; a single longer row makes a longer page. */
const PAGE_BYTES = 65_536

export type Packable =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Packable[]
  | { readonly [key: string]: Packable }

export class Packer {
  #page = Buffer.allocUnsafe(PAGE_BYTES)
  #end = 0

  /** The bytes of everything packed since the last call; they are the caller's to keep. */
  take(): Buffer {
    const taken = this.#page.subarray(0, this.#end)
    this.#page = Buffer.allocUnsafe(PAGE_BYTES)
    this.#end = 0
    return taken
  }

  get size(): number {
    return this.#end
  }

  /** Numbers are doubles, bigints are integers: the caller knows the type of the column. */
  pack(value: Packable): void {
    if (value === null) this.#byte(0xc0)
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2)
    else if (typeof value === 'number') this.#double(value)
    else if (typeof value === 'bigint') this.#integer(value)
    else if (typeof value === 'string') this.#text(value)
    else if (Array.isArray(value)) this.#array(value)
    else this.#map(Object.entries(value))
  }

  #array(values: readonly Packable[]): void {
    this.#head(values.length, { fixed: 0x90, fixedMax: 15, two: 0xdc, four: 0xdd })
    for (const value of values) this.pack(value)
  }

  #map(entries: readonly (readonly [string, Packable])[]): void {
    this.#head(entries.length, { fixed: 0x80, fixedMax: 15, two: 0xde, four: 0xdf })
    for (const [key, value] of entries) {
      this.#text(key)
      this.pack(value)
    }
  }

  #text(text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#head(bytes, { fixed: 0xa0, fixedMax: 31, one: 0xd9, two: 0xda, four: 0xdb })
    this.#room(bytes)
    this.#end += this.#page.write(text, this.#end)
  }

  #double(value: number): void {
    this.#byte(0xcb)
    this.#room(8)
    this.#end = this.#page.writeDoubleBE(value, this.#end)
  }

  #integer(value: bigint): void {
    if (value >= -32n && value < 128n) {
      this.#room(1)
      this.#end = this.#page.writeInt8(Number(value), this.#end)
    } else if (value >= -0x8000_0000n && value < 0x8000_0000n) {
      this.#byte(0xd2)
      this.#room(4)
      this.#end = this.#page.writeInt32BE(Number(value), this.#end)
    } else {
      this.#byte(0xd3)
      this.#room(8)
      this.#end = this.#page.writeBigInt64BE(value, this.#end)
    }
  }

  #head(
    length: number,
    form: { fixed: number; fixedMax: number; one?: number; two: number; four: number },
  ): void {
    if (length <= form.fixedMax) {
      this.#byte(form.fixed | length)
    } else if (form.one !== undefined && length < 0x100) {
      this.#byte(form.one)
      this.#byte(length)
    } else if (length < 0x1_0000) {
      this.#byte(form.two)
      this.#room(2)
      this.#end = this.#page.writeUInt16BE(length, this.#end)
    } else {
      this.#byte(form.four)
      this.#room(4)
      this.#end = this.#page.writeUInt32BE(length, this.#end)
    }
  }

  #byte(byte: number): void {
    this.#room(1)
    this.#page[this.#end++] = byte
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#page.length) return
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#page.length, this.#end + bytes))
    this.#page.copy(grown, 0, 0, this.#end)
    this.#page = grown
  }
}
