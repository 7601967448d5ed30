/** Who a request comes from. */

import type { Role } from './roles.ts'

export interface Caller {
  readonly kind: 'person' | 'token'
  readonly id: string
  /** Of a token: its label. */
  readonly name: string
  /** null: a token. */
  readonly email: string | null
  readonly role: Role
  /** Id of the session that the request came by; null: it came with a token. */
  readonly session: string | null
}
