/** The lease of a post that a room is made with before the post begins: the one under which it runs now, or none. */

import type { Lease } from '../store/leases.ts'
import type { Cluster } from './cluster.ts'

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

  /**
   * Does what only the node that has the post may do: here while the post is, otherwise in its place, while it runs nowhere. Throws NODE_BUSY,
   * and what `work` throws.
   */
  within<T>(cluster: Cluster, work: () => Promise<T>): Promise<T> {
    if (cluster.has(this.name)) return work()
    return cluster.exclusively(this.name, async (lease) => {
      this.begin(lease)
      try {
        return await work()
      } finally {
        this.end()
      }
    })
  }

  begin(lease: Lease): void {
    this.#present = lease
  }

  end(): void {
    this.#present = undefined
  }
}
