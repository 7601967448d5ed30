/** For tests of rooms that run posts: the only node of a store. */

import type { Clock } from '../core/clock.ts'
import { NODE_ROLES } from '../core/node-role.ts'
import { SoleNode } from './sole.ts'

export function onlyNode(clock: Clock): SoleNode {
  return new SoleNode(
    { id: 'node_test', name: 'test', roles: NODE_ROLES, version: 'test', log: 'test' },
    clock,
  )
}
