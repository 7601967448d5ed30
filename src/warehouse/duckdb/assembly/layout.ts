// Where things lie in the module's memory; ../row-memory.ts repeats it. Below 4096 is what the kernel's reading of JSON needs. From HEAP on
// memory is given away piece by piece and never taken back: chunks and vectors are used again.
//
//   chunk    address of its heap; bytes used of it; bytes that it has; rows of its vectors; per column the address of its vector, or 0
//   vector   sixteen bytes for each row, as the engine has them; a bit for each row that has a value

export const RESULT: usize = 64

/** Rows that one call reads. */
export const STAGE_ROWS: usize = 256
/** Of each row to be read: where its event begins and ends in the heap; an end of 0: it is not to be read here. */
export const STARTS: usize = 4096
export const ENDS: usize = STARTS + STAGE_ROWS * 4
/** What its record says of it: doubles, then the cell of its source, whose first word is NO_TEXT when it has none. */
export const OFFSETS: usize = ENDS + STAGE_ROWS * 4
export const RECEIVED: usize = OFFSETS + STAGE_ROWS * 8
export const SOURCES: usize = RECEIVED + STAGE_ROWS * 8
export const NO_TEXT: u32 = 0xffffffff

/** Cells that JavaScript sets: row, column, kind, start, end. */
export const PUT_OFF: usize = SOURCES + STAGE_ROWS * 16
export const PUT_OFF_MAX: u32 = 4096
export const PUT_OFF_BYTES: usize = 20

/** Names of members, and what each means. */
export const KEYS_MAX: u32 = 4096
export const KEY_BYTES_MAX: usize = 262144
/** Per key: address and length. */
export const KEY_ROWS: usize = PUT_OFF + PUT_OFF_BYTES * <usize>PUT_OFF_MAX
/** Per key + 1: 1 + the key that came behind it last. */
export const FOLLOWING: usize = KEY_ROWS + <usize>KEYS_MAX * 8
/** Twice as many as keys, so that look-ups end soon: 1 + the key, 0 = free. */
export const SLOTS: usize = FOLLOWING + <usize>KEYS_MAX * 4 + 16
export const SLOTS_COUNT: u32 = 8192
/** Per key what it means at the top, in `user`, in `properties`: a kind, and from bit 8 on a column. */
export const AT_TOP: usize = SLOTS + <usize>SLOTS_COUNT * 2
export const IN_USER: usize = AT_TOP + <usize>KEYS_MAX * 4
export const IN_PROPERTIES: usize = IN_USER + <usize>KEYS_MAX * 4
export const KEY_BYTES: usize = IN_PROPERTIES + <usize>KEYS_MAX * 4
export const HEAP: usize = KEY_BYTES + KEY_BYTES_MAX + 64

// Kinds: of columns, and of members that are looked into. 1: a property without a column; 9 and up: the whole of `properties`.
export const UNKNOWN: u32 = 0
export const TEXT: u32 = 2
export const JSON_KIND: u32 = 3
export const BIGINT: u32 = 4
export const DOUBLE: u32 = 5
export const BOOLEAN: u32 = 6
export const TIMESTAMP: u32 = 7
export const USER: u32 = 8

export const CELL_BYTES: usize = 16
export const CHUNK_HEAP: usize = 0
export const CHUNK_USED: usize = 4
export const CHUNK_BYTES: usize = 8
export const CHUNK_ROWS: usize = 12
export const CHUNK_VECTORS: usize = 16
export const COLUMNS_MAX: usize = 1024
