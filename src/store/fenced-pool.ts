/**
 * Connections whose writes are fenced by a lease: before the first write of a transaction, the lease's token is compared with the present one
 * in that transaction; a write outside of one gets a transaction of its own. What only reads is let through, whoever holds the lease.
 */

import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { FENCE_SQL, fenceParameters, type Lease, leaseLost } from './leases.ts'

/** What of a client Kysely uses. */
interface Client {
  query(sql: string, parameters: readonly unknown[]): Promise<{ readonly rows: unknown[] }>
  release(destroy?: boolean): void
}

/** `with` may hide a write: it counts as one. */
const WRITES = /^\s*(insert|update|delete|merge|with)\b/i
const BEGINS = /^\s*(begin|start transaction)\b/i
const ENDS = /^\s*(commit|rollback)\s*$/i

export class FencedPool implements PostgresPool {
  readonly options: object = {}
  readonly #pool: PostgresPool
  readonly #lease: Lease
  /** Kysely knows connections by identity. */
  readonly #clients = new WeakMap<PostgresPoolClient, PostgresPoolClient>()

  constructor(pool: PostgresPool, lease: Lease) {
    this.#pool = pool
    this.#lease = lease
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect()
    const known = this.#clients.get(client)
    if (known !== undefined) return known
    const fenced = new FencedClient(client as unknown as Client, this.#lease) as unknown as PostgresPoolClient
    this.#clients.set(client, fenced)
    return fenced
  }

  /** The connections belong to the pool beneath. */
  async end(): Promise<void> {}
}

class FencedClient {
  readonly #client: Client
  readonly #lease: Lease
  #transaction: 'none' | 'open' | 'fenced' = 'none'

  constructor(client: Client, lease: Lease) {
    this.#client = client
    this.#lease = lease
  }

  async query(sql: string, parameters: readonly unknown[]): Promise<{ readonly rows: unknown[] }> {
    if (BEGINS.test(sql)) this.#transaction = 'open'
    else if (ENDS.test(sql)) this.#transaction = 'none'
    // Token 0: a store of one process, where nothing passes on.
    if (this.#lease.token === 0 || !WRITES.test(sql)) return this.#client.query(sql, parameters)
    if (this.#transaction === 'none') return this.#alone(sql, parameters)
    if (this.#transaction === 'open') await this.#fence()
    this.#transaction = 'fenced'
    return this.#client.query(sql, parameters)
  }

  release(destroy?: boolean): void {
    this.#transaction = 'none'
    this.#client.release(destroy)
  }

  async #alone(sql: string, parameters: readonly unknown[]): Promise<{ readonly rows: unknown[] }> {
    await this.#client.query('begin', [])
    try {
      await this.#fence()
      const result = await this.#client.query(sql, parameters)
      await this.#client.query('commit', [])
      return result
    } catch (error) {
      // Fails only with its connection, which is then not used again.
      await this.#client.query('rollback', []).catch(() => undefined)
      throw error
    }
  }

  async #fence(): Promise<void> {
    const { name, token } = this.#lease
    if (!this.#lease.mayAct()) throw leaseLost(name)
    const { rows } = await this.#client.query(FENCE_SQL, fenceParameters(name))
    const [row] = rows as { token: number }[]
    if (row?.token === token) return
    this.#lease.refused()
    throw leaseLost(name)
  }
}
