/**
 * The cluster: the nodes that work on one store, and which of them does what only one may do at a time. A post is such a thing: the delivery
 * of a current, the schedules. Every node offers the same posts, because it reads the same store; each begins where its share says, under a
 * lease (store/leases.ts), and ends when the share says otherwise, when somebody asks for the lease, or when it is lost.
 *
 *   offered ──share and lease──► begun ──share moves, asked, withdrawn──► ended, lease given back
 *                                  └──lease lost──► ended at once, without a last word
 *
 * This room never knows what a post does. Who has what is decided by leases alone: shares only say who asks for them, so nodes that see each
 * other late are slow and never wrong. A store of one process has one node, which has every post at no cost (sole.ts).
 */

import type { NodeRole } from '../core/node-role.ts'
import type { Lease } from '../store/leases.ts'

/** `gone`: it left, or was not heard of for as long as a lease lasts. */
export type NodeState = 'joining' | 'active' | 'draining' | 'gone'

/** One process, from its start to its end. */
export interface NodeIdentity {
  /** Of this life: a node that starts again is another one. */
  readonly id: string
  /** Stays over restarts. */
  readonly name: string
  readonly roles: readonly NodeRole[]
  readonly version: string
  /** Tells the log that it works on from any other; all nodes of a store work on one. */
  readonly log: string
}

export interface NodeView extends NodeIdentity {
  readonly url: string
  readonly state: NodeState
  readonly startedAt: number
  readonly heartbeatAt: number
  /** Names of the posts that it holds the lease of. */
  readonly posts: readonly string[]
  readonly isThis: boolean
}

/** Why a post ends. `lost`: another node may have it already, so nothing may be sent or written any more. */
export type PostEnd = 'given' | 'lost'

export interface Post {
  readonly name: string
  /** Only nodes of this role have it. Posts of one role are shared evenly. */
  readonly role: NodeRole
  /** Name of the only node that can have it. */
  readonly home?: string | undefined
  /** Begins it here. When it rejects, the lease is given back and it is tried again a little later. */
  begin(lease: Lease): Promise<void>
  /** Ends what `begin` began; resolves when nothing of it acts any more. Never rejects. */
  end(how: PostEnd): Promise<void>
}

/** Kinds of configuration whose changes are told, by the room that reads them into memory. */
export type ChangeKind =
  | 'sources'
  | 'currents'
  | 'authorizations'
  | 'tokens'
  | 'profiles'
  | 'suppressions'
  | 'erasures'
  | 'alerts'
  | 'redrives'
  | 'replays'

export interface Cluster {
  readonly node: NodeIdentity
  /** Has every post and no other node beside it, ever. */
  readonly isSole: boolean
  /** A post begins when its turn comes; where there is one node, before this resolves. Again with the same name: replaces nothing. */
  offer(post: Post): Promise<void>
  /** Ends a post if it runs here, and never begins it again. */
  withdraw(name: string): Promise<void>
  /**
   * Ends a post wherever it runs, does `work` under its lease, and lets it begin again where its share says. Also for names that nobody
   * offers. Throws NODE_BUSY when its holder does not let go for so long that it must be asked again, and what `work` throws.
   */
  exclusively<T>(name: string, work: (lease: Lease) => Promise<T>): Promise<T>
  /** Whether the post runs here now. */
  has(name: string): boolean
  /** Which node holds the lease of a post; undefined: none now. */
  holderOf(name: string): Promise<NodeView | undefined>
  /** By name; those that are gone for an hour are left out. */
  nodes(): Promise<readonly NodeView[]>
  /** Names of all nodes that ever joined, in order: what lies in their folders outlives them. But for those that were forgotten. */
  names(): Promise<readonly string[]>
  /** The folders of a node are gone for good, as somebody says: it is known no more. Throws NODE_UNKNOWN, and NODE_STATE unless it is gone. */
  forget(name: string): Promise<void>
  /** Has a node hand over its posts and take none, or take part again. Throws NODE_UNKNOWN, NODE_STATE. */
  setDraining(which: string, isDraining: boolean): Promise<NodeView>
  /** Calls `changed` when another node, or this one, changed that kind of configuration. */
  onChange(kind: ChangeKind, changed: () => Promise<void>): void
  /** Tells the other nodes of a change that the database does not tell of by itself. */
  tell(kind: ChangeKind): Promise<void>
  /** No other process can work on this node's log: what former lives of it held is free at once. Before `ready`. */
  inherit(): Promise<void>
  /** From now on this node can be reached and takes posts. Resolves when its share of this moment has begun, or a lease's time later. */
  ready(url: string): Promise<void>
  /** Hands over all posts, tells the others, and leaves. Idempotent. */
  leave(): Promise<void>
}

export interface ClusterLogger {
  info(about: object, message: string): void
  warn(about: object, message: string): void
  error(about: object, message: string): void
}
