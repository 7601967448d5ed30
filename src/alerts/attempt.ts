/** What came of trying to send a message. */

import type { Fault } from '../core/fault.ts'

export type Attempt =
  | {
      readonly isTaken: true
      /** What the other side said. */
      readonly answer: string
    }
  | { readonly isTaken: false; readonly fault: Fault }
