/** The cluster of a store that belongs to one process: one node, every post, no lease to lose. */

import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { type Lease, soleLease } from '../store/leases.ts'
import type { ChangeKind, Cluster, NodeIdentity, NodeView, Post } from './cluster.ts'

export class SoleNode implements Cluster {
  readonly node: NodeIdentity
  readonly isSole = true
  readonly #startedAt: number
  readonly #clock: Clock
  readonly #posts = new Map<string, Post>()
  #url = ''

  constructor(node: NodeIdentity, clock: Clock) {
    this.node = node
    this.#clock = clock
    this.#startedAt = clock.now()
  }

  async offer(post: Post): Promise<void> {
    if (this.#posts.has(post.name)) return
    this.#posts.set(post.name, post)
    await post.begin(soleLease(post.name))
  }

  async withdraw(name: string): Promise<void> {
    const post = this.#posts.get(name)
    this.#posts.delete(name)
    await post?.end('given')
  }

  async exclusively<T>(name: string, work: (lease: Lease) => Promise<T>): Promise<T> {
    const lease = soleLease(name)
    const post = this.#posts.get(name)
    if (post === undefined) return work(lease)
    await post.end('given')
    try {
      return await work(lease)
    } finally {
      // It may have been withdrawn by its work.
      if (this.#posts.get(name) === post) await post.begin(lease)
    }
  }

  has(name: string): boolean {
    return this.#posts.has(name)
  }

  async holderOf(name: string): Promise<NodeView | undefined> {
    return this.has(name) ? this.#view() : undefined
  }

  async nodes(): Promise<readonly NodeView[]> {
    return [this.#view()]
  }

  async names(): Promise<readonly string[]> {
    return [this.node.name]
  }

  async forget(name: string): Promise<void> {
    if (name !== this.node.name)
      throw new ThalwegError('NODE_UNKNOWN', `There is no node ${JSON.stringify(name)}`)
    throw new ThalwegError('NODE_STATE', `${name} is the only node of its store`)
  }

  async setDraining(which: string): Promise<NodeView> {
    const { name, id } = this.node
    if (which !== name && which !== id)
      throw new ThalwegError('NODE_UNKNOWN', `There is no node ${JSON.stringify(which)}`)
    throw new ThalwegError('NODE_STATE', `${name} is the only node of its store: nobody could take over`)
  }

  /** Every change was made by this process, whose rooms know it. */
  onChange(_kind: ChangeKind, _changed: () => Promise<void>): void {}

  async tell(): Promise<void> {}

  async inherit(): Promise<void> {}

  async ready(url: string): Promise<void> {
    this.#url = url
  }

  async leave(): Promise<void> {
    this.#posts.clear()
  }

  #view(): NodeView {
    return {
      ...this.node,
      url: this.#url,
      state: 'active',
      startedAt: this.#startedAt,
      heartbeatAt: this.#clock.now(),
      posts: [...this.#posts.keys()].sort(),
      isThis: true,
    }
  }
}
