/** Hubs with a bug, for tests of what a simulation finds. */

import {
  AndNode,
  type KyselyPlugin,
  type PluginTransformQueryArgs,
  sql,
  TableNode,
  type Transaction,
  WhereNode,
} from 'kysely'
import type { Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { Sabotage } from './world.ts'

/** Leaves out the `nth` write of a current's checkpoint, and tells its transaction that all went well. */
export function dropsCheckpointWrite(nth: number): Sabotage {
  let writes = 0
  return (store) => {
    const through: Store = {
      db: store.db,
      dialect: store.dialect,
      capabilities: store.capabilities,
      transaction: (work, options) =>
        store.transaction((tx) => {
          const plugin = new DropWrite(() => ++writes === nth)
          return work(tx.withPlugin(plugin) as Transaction<Schema>)
        }, options),
      fencedBy: () => through,
      close: () => store.close(),
    }
    return through
  }
}

class DropWrite implements KyselyPlugin {
  readonly #isIt: () => boolean

  constructor(isIt: () => boolean) {
    this.#isIt = isIt
  }

  transformQuery({ node }: PluginTransformQueryArgs) {
    if (node.kind !== 'UpdateQueryNode' || node.table === undefined || !TableNode.is(node.table)) return node
    // The settler moves the checkpoints of currents with one condition, the intake account its own with two.
    const isSettlement =
      node.table.table.identifier.name === 'checkpoints' &&
      node.where !== undefined &&
      !AndNode.is(node.where.where)
    if (!isSettlement || !this.#isIt()) return node
    return { ...node, where: WhereNode.create(sql`1 = 0`.toOperationNode()) }
  }

  async transformResult({ result }: Parameters<KyselyPlugin['transformResult']>[0]) {
    return result
  }
}
