// Where things lie in the kernel's memory. The JavaScript side (../wasm.ts, ../plan.ts) repeats HEAP, RESULT and the fault numbers.
// Below HEAP everything has a fixed place; above it come the compiled projections (kept) and then what one call needs.
// Address 0 is never used: a position of 0 means "no".

/** Words that a call hands back; see the exports in kernel.ts. */
export const RESULT: usize = 64
/** One closing byte per open container, DEPTH_MAX of them. */
export const NESTING: usize = 1024
/** A key without its escapes. */
export const KEY_SCRATCH: usize = 2048
/** Hash table of the types: 16,384 × u16 index, 0 = free. */
export const TYPE_SLOTS: usize = 4096
/** Per type: u32 hash, u32 length. */
export const TYPE_ROWS: usize = TYPE_SLOTS + 32768
/** Per type: TYPE_BYTES_MAX bytes. */
export const TYPE_NAMES: usize = TYPE_ROWS + 65536
export const HEAP: usize = TYPE_NAMES + 8192 * 256

export const TYPE_BYTES_MAX: u32 = 256
export const TYPE_OTHER: u32 = 8191
export const DEPTH_MAX: u32 = 256

/** Zero bytes behind the input. They end every loop, and reads of 16 bytes may reach into them. */
export const SLACK: usize = 64

export const NOT_AN_OBJECT: u32 = 1
export const INVALID_JSON: u32 = 2
export const INVALID_UTF8: u32 = 3
export const TOO_DEEP: u32 = 4
export const TRUNCATED: u32 = 5
export const TRAILING_BYTES: u32 = 6

/** Makes memory reach up to `top`; false when the host has no more to give. */
export function reserve(top: usize): bool {
  const have: usize = (<usize>memory.size()) << 16
  if (top <= have) return true
  let pages = <i32>((top - have + 0xffff) >> 16)
  if (pages < 16) pages = 16
  return memory.grow(pages) >= 0
}

/** Copies and may write up to 15 bytes too many, reading as many too many. For short pieces faster than memory.copy. */
export function copy(to: usize, from: usize, length: usize): void {
  if (length > 512) {
    memory.copy(to, from, length)
    return
  }
  const stop = from + length
  do {
    v128.store(to, v128.load(from))
    to += 16
    from += 16
  } while (from < stop)
}
