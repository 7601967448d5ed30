/** The lease of a post that a room is made with before the post begins: the one under which it runs now, or none. */

import type { Lease } from '../store/leases.ts'

export class PostLease implements Lease {
  readonly name: string
  readonly #none = AbortSignal.abort()
  #present: Lease | undefined

  constructor(name: string) {
    this.name = name
  }

  /** -1, which no lease has, while the post does not run here. */
  get token(): number {
    return this.#present?.token ?? -1
  }

  get lost(): AbortSignal {
    return this.#present?.lost ?? this.#none
  }

  mayAct(): boolean {
    return this.#present?.mayAct() ?? false
  }

  refused(): void {
    this.#present?.refused()
  }

  begin(lease: Lease): void {
    this.#present = lease
  }

  end(): void {
    this.#present = undefined
  }
}
