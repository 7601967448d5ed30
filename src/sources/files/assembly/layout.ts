// Where things lie in the decoder's memory. ../avro-machine.ts repeats RESULT, HOURS, PROGRAM and the fault numbers. What
// lies below is that of the kernel's own layout, for the JSON reader of the kernel is built in. Behind the program come a block of records and, behind that, the events made of it.

import { HEAP } from '../../../core/kernel/assembly/layout'

/** Words that a call hands back; see the exports in avro.ts. */
export const RESULT: usize = 64
/** Events that one call writes at most. */
export const EVENTS_MAX: u32 = 8192
/** Per event: hours since the epoch. */
export const HOURS: usize = HEAP
export const PROGRAM: usize = HOURS + ((<usize>EVENTS_MAX) << 2)

export const ENDS: u32 = 1
export const TEXT_ENDS: u32 = 2
export const TOO_MANY_BYTES: u32 = 3
export const OUT_OF_BOUNDS: u32 = 4
export const NO_BRANCH: u32 = 5
export const EMPTY_ITEMS: u32 = 6
export const TOO_DEEP: u32 = 7
export const TOO_LARGE: u32 = 8
