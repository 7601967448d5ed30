/**
 * A node among others on one PostgreSQL. Every beat it says that it is there, renews its leases, looks at what changed, works out the shares
 * and acts on them; a notice of another node only makes the next beat come at once. Everything is decided again at every beat from what the
 * store says, so nothing that is missed stays missed.
 */

import { pause } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { TurnsByKey } from '../core/turns.ts'
import { type HeldLease, type Lease, LeaseBook, type LeaseView } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import { Changes } from './changes.ts'
import type {
  ChangeKind,
  Cluster,
  ClusterLogger,
  NodeIdentity,
  NodeState,
  NodeView,
  Post,
} from './cluster.ts'
import { LeaseInHand, type Moment, momentOf, OWN_CLOCKS, type OwnClocks } from './held-lease.ts'
import { NodeBook, type NodeRow } from './node-book.ts'
import { sharesOf } from './shares.ts'

export interface SharedParts {
  readonly node: NodeIdentity
  /** A handle of its own: a pool that long queries have used up must not cost us our leases. */
  readonly store: Store
  readonly logger: ClusterLogger
  /** How long a lease lasts in the database. */
  readonly leaseMs: number
  /** Tells the other nodes to look. */
  readonly notify: () => Promise<void>
  readonly clocks?: OwnClocks
}

/** Parts of how long a lease lasts: how often it is renewed, and how much earlier its holder stops than the database lets it go. */
const BEATS = 5
const MARGIN_PART = 5
/** Between two beats that notices ask for. */
const REST_MS = 25
const OBTAIN_LOOK_MS = 100
/** Leases that somebody asks for are kept from others for so long; asked again before. */
const WANT_LEASES = 2
/** How long an exclusive use waits for the holder: it lets what is on its way arrive, or its lease ends. */
const OBTAIN_LEASES_MAX = 4
const BEGIN_AGAIN_MS = 2_000
const FORGET_BEATS = 300

export class SharedNode implements Cluster {
  readonly node: NodeIdentity
  readonly isSole = false
  readonly #parts: SharedParts
  readonly #clocks: OwnClocks
  readonly #leases: LeaseBook
  readonly #nodes: NodeBook
  readonly #changes: Changes
  readonly #posts = new Map<string, Post>()
  /** Posts that run here. */
  readonly #begun = new Set<string>()
  readonly #held = new Map<string, LeaseInHand>()
  /** What is done with a lease of one name happens one after another; beats leave names with a turn under way alone. */
  readonly #turns = new TurnsByKey<string>()
  readonly #beginAgainAt = new Map<string, number>()
  #mine: ReadonlySet<string> = new Set()
  #wanted: ReadonlySet<string> = new Set()
  /** What the first beat as an active node took. */
  #free: readonly string[] | undefined
  #url = ''
  #state: NodeState = 'joining'
  #leaving = false
  #left: Promise<void> | undefined
  #beats = 0
  #running: Promise<void> | undefined
  #wakeUp: () => void = () => undefined
  #isWoken = false
  #watch: NodeJS.Timeout | undefined
  #isCut = false

  constructor(parts: SharedParts) {
    this.#parts = parts
    this.node = parts.node
    this.#clocks = parts.clocks ?? OWN_CLOCKS
    this.#leases = new LeaseBook(parts.store, { ttlMs: parts.leaseMs })
    this.#nodes = new NodeBook(parts.store, parts.leaseMs)
    this.#changes = new Changes(parts.store, (kind, error) =>
      parts.logger.error({ err: error, kind }, 'a change of another node could not be read; trying again'),
    )
  }

  /**
   * Registers as joining. Rejects when the store does not answer, and with NODE_STATE while a node is there that works on another log: what
   * offsets mean would differ.
   */
  async join(): Promise<void> {
    await this.#refuseOtherLogs()
    await this.#nodes.remember(this.node.name)
    await this.#nodes.beat(this.node, this.#url, 'joining')
    await this.#changes.look()
    this.#watch = setInterval(() => this.#stopWhatLapsed(), this.#parts.leaseMs / (4 * BEATS))
    this.#watch.unref()
    this.#running = this.#run()
  }

  async offer(post: Post): Promise<void> {
    if (this.#posts.has(post.name)) return
    this.#posts.set(post.name, post)
    this.wake()
  }

  async withdraw(name: string): Promise<void> {
    const post = this.#posts.get(name)
    if (post === undefined) return
    this.#posts.delete(name)
    await this.#turns.take(name, () => this.#giveBack(name, post))
  }

  exclusively<T>(name: string, work: (lease: Lease) => Promise<T>): Promise<T> {
    return this.#turns.take(name, async () => {
      const post = this.#posts.get(name)
      if (this.#begun.delete(name)) await post?.end('given')
      const held = this.#held.get(name)
      const lease = held?.mayAct() ? held : await this.#obtain(name)
      try {
        return await work(lease)
      } finally {
        const isOurs = this.#posts.get(name) === post && post !== undefined && this.#mine.has(name)
        if (isOurs && !this.#leaving && lease.mayAct()) await this.#beginUnder(post, lease)
        else await this.#release(lease)
      }
    })
  }

  has(name: string): boolean {
    return this.#begun.has(name)
  }

  async holderOf(name: string): Promise<NodeView | undefined> {
    return (await this.nodes()).find(({ posts }) => posts.includes(name))
  }

  async nodes(): Promise<readonly NodeView[]> {
    const [rows, leases] = await Promise.all([this.#nodes.list(), this.#leases.list()])
    return rows.map((row) => ({
      ...row,
      posts: leases.filter(({ holder }) => holder === row.id).map(({ name }) => name),
      isThis: row.id === this.node.id,
    }))
  }

  async names(): Promise<readonly string[]> {
    const [known, rows] = await Promise.all([this.#nodes.names(), this.#nodes.list()])
    // One that stood still while it was forgotten is there all the same.
    const present = rows.filter(({ state }) => state !== 'gone').map(({ name }) => name)
    return [...new Set([...known, ...present])].sort()
  }

  async forget(name: string): Promise<void> {
    const present = (await this.#nodes.list()).find((node) => node.name === name && node.state !== 'gone')
    if (present !== undefined)
      throw new ThalwegError('NODE_STATE', `Node ${name} is ${present.state}: stop it before it is forgotten`)
    if (!(await this.#nodes.forget(name)))
      throw new ThalwegError('NODE_UNKNOWN', `There is no node ${JSON.stringify(name)}`)
    await this.#tellOthers()
  }

  async setDraining(which: string, isDraining: boolean): Promise<NodeView> {
    const found = (await this.nodes()).filter(({ id, name }) => which === id || which === name)
    const node = found.find(({ state }) => state !== 'gone') ?? found[0]
    if (node === undefined)
      throw new ThalwegError('NODE_UNKNOWN', `There is no node ${JSON.stringify(which)}`)
    const to: NodeState = isDraining ? 'draining' : 'active'
    const moved = node.state !== 'gone' && (await this.#nodes.move(node.id, ['active', 'draining'], to))
    if (!moved)
      throw new ThalwegError('NODE_STATE', `Node ${node.name} is ${node.state}: it cannot become ${to}`)
    await this.#tellOthers()
    return { ...node, state: to }
  }

  onChange(kind: ChangeKind, changed: () => Promise<void>): void {
    this.#changes.on(kind, changed)
  }

  async tell(kind: ChangeKind): Promise<void> {
    await this.#changes.tell(kind)
    await this.#tellOthers()
  }

  async ready(url: string): Promise<void> {
    this.#url = url
    await this.#nodes.beat(this.node, url, 'active')
    await this.#nodes.move(this.node.id, ['joining'], 'active')
    await this.#tellOthers()
    const until = this.#clocks.monotonic() + this.#parts.leaseMs
    while (!this.#hasItsShare() && !this.#leaving && this.#clocks.monotonic() < until) await pause(REST_MS)
  }

  async inherit(): Promise<void> {
    const { id, log } = this.node
    const former = (await this.#nodes.list()).filter((node) => node.log === log && node.id !== id)
    for (const { name, token, holder } of await this.#leases.list())
      if (former.some((node) => node.id === holder)) await this.#leases.release(name, token, holder)
    for (const node of former) await this.#nodes.move(node.id, ['joining', 'active', 'draining'], 'gone')
  }

  leave(): Promise<void> {
    this.#left ??= this.#leave()
    return this.#left
  }

  /** Something may have changed: the next beat comes at once. */
  wake(): void {
    this.#isWoken = true
    this.#wakeUp()
  }

  /** Or as much of it as was free. */
  #hasItsShare(): boolean {
    return this.#free?.every((name) => this.#begun.has(name) && !this.#turns.has(name)) === true
  }

  async #leave(): Promise<void> {
    this.#leaving = true
    // The others should not wait for what we let go until they see us draining.
    await this.#unlessCut(async () => {
      await this.#nodes.move(this.node.id, ['joining', 'active'], 'draining')
      await this.#tellOthers()
    })
    await Promise.all(
      [...this.#posts.values()].map((post) =>
        this.#turns.take(post.name, () => this.#giveBack(post.name, post)),
      ),
    )
    this.wake()
    await this.#running
    clearInterval(this.#watch)
    await this.#unlessCut(async () => {
      await this.#nodes.move(this.node.id, ['draining'], 'gone')
      await this.#tellOthers()
    })
  }

  async #refuseOtherLogs(): Promise<void> {
    const { log } = this.node
    const other = (await this.#nodes.list()).find((node) => node.state !== 'gone' && node.log !== log)
    if (other !== undefined)
      throw new ThalwegError(
        'NODE_STATE',
        `Node ${other.name} works on this store with another log (${other.log}, here ${log}). ` +
          'Nodes that share a store share a log: set THALWEG_LOG.',
      )
  }

  async #run(): Promise<void> {
    while (!this.#leaving) {
      this.#isWoken = false
      await this.#unlessCut(() => this.#beat())
      await pause(REST_MS)
      if (!this.#isWoken && !this.#leaving) await this.#untilWoken(this.#parts.leaseMs / BEATS)
    }
  }

  /** While the store is away, leases end by their time; said once, and once when it is back. */
  async #unlessCut(work: () => Promise<void>): Promise<void> {
    const { logger } = this.#parts
    try {
      await work()
      if (this.#isCut) logger.info({ node: this.node.name }, 'the store of the cluster answers again')
      this.#isCut = false
    } catch (error) {
      if (!this.#isCut)
        logger.warn({ err: error, node: this.node.name }, 'the store of the cluster does not answer')
      this.#isCut = true
    }
  }

  #untilWoken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #beat(): Promise<void> {
    await this.#renew()
    await this.#nodes.beat(this.node, this.#url, this.#url === '' ? 'joining' : 'active')
    // Before anything begins: it begins with what is so now.
    await this.#changes.look()
    if (this.#beats++ % FORGET_BEATS === 0) await this.#nodes.forgetGone()
    const [nodes, leases] = await Promise.all([this.#nodes.list(), this.#leases.list()])
    this.#state = nodes.find(({ id }) => id === this.node.id)?.state ?? this.#state
    this.#mine = this.#sharesAmong(nodes, leases)
    this.#letGo(leases)
    await this.#take(leases)
  }

  async #renew(): Promise<void> {
    const at = momentOf(this.#clocks)
    const asked = [...this.#held.values()].filter((lease) => lease.mayAct())
    const renewed = await this.#leases.renew(
      asked.map(({ name }) => name),
      this.node.id,
    )
    const present = new Map(renewed.map((row) => [row.name, row]))
    for (const lease of asked) {
      if (present.get(lease.name)?.token === lease.token) lease.renewed(at)
      // Not what was given back while we asked.
      else if (this.#held.get(lease.name) === lease) lease.lose('another node holds it')
    }
    this.#wanted = new Set(renewed.filter(({ isWanted }) => isWanted).map(({ name }) => name))
  }

  /** Names of the posts that this node should have. */
  #sharesAmong(nodes: readonly NodeRow[], leases: readonly LeaseView[]): ReadonlySet<string> {
    const holders = new Map(leases.map(({ name, holder }) => [name, holder]))
    const mine = new Set<string>()
    for (const [role, posts] of Map.groupBy(this.#posts.values(), (post) => post.role)) {
      const units = posts.map(({ name, home }) => ({ name, home, holder: holders.get(name) ?? '' }))
      const able = nodes.filter(({ state, roles }) => state === 'active' && roles.includes(role))
      for (const [name, id] of sharesOf(units, able)) if (id === this.node.id) mine.add(name)
    }
    return mine
  }

  /** What another node should have, or asked for, is ended and given back. */
  #letGo(leases: readonly LeaseView[]): void {
    const wanted = new Set(
      leases.filter(({ wantedBy }) => wantedBy !== '' && wantedBy !== this.node.id).map(({ name }) => name),
    )
    for (const name of this.#held.keys()) {
      if (this.#turns.has(name)) continue
      if (this.#mine.has(name) && !wanted.has(name) && !this.#wanted.has(name)) continue
      const post = this.#posts.get(name)
      void this.#turns.take(name, () => this.#giveBack(name, post))
    }
  }

  async #take(leases: readonly LeaseView[]): Promise<void> {
    if (this.#leaving || this.#state !== 'active') return
    const views = new Map(leases.map((lease) => [lease.name, lease]))
    const now = this.#clocks.monotonic()
    const free = [...this.#mine].filter((name) => {
      const { holder = '', wantedBy = '' } = views.get(name) ?? {}
      return (
        !this.#held.has(name) &&
        !this.#turns.has(name) &&
        (holder === '' || holder === this.node.id) &&
        (wantedBy === '' || wantedBy === this.node.id) &&
        now >= (this.#beginAgainAt.get(name) ?? 0)
      )
    })
    const claimed = await this.#claim(free)
    for (const lease of claimed) {
      void this.#turns.take(lease.name, async () => {
        const post = this.#posts.get(lease.name)
        if (post === undefined || this.#leaving || !lease.mayAct()) await this.#release(lease)
        else await this.#beginUnder(post, lease)
      })
    }
    this.#free ??= claimed.map(({ name }) => name)
  }

  async #claim(names: readonly string[]): Promise<readonly LeaseInHand[]> {
    const at = momentOf(this.#clocks)
    return (await this.#leases.claim(names, this.node.id)).map((held) => this.#inHand(held, at))
  }

  #inHand({ name, token }: HeldLease, at: Moment): LeaseInHand {
    const { leaseMs, logger } = this.#parts
    const lease = new LeaseInHand(name, token, at, leaseMs - leaseMs / MARGIN_PART, this.#clocks)
    this.#held.set(name, lease)
    lease.lost.addEventListener('abort', () => {
      const why = String((lease.lost.reason as Error).message)
      logger.warn({ post: name, token, node: this.node.name, why }, 'a lease was lost: its post ends here')
      const post = this.#posts.get(name)
      void this.#turns.take(name, async () => {
        if (this.#held.get(name) === lease) this.#held.delete(name)
        if (this.#begun.delete(name)) await post?.end('lost')
        this.wake()
      })
    })
    return lease
  }

  async #beginUnder(post: Post, lease: LeaseInHand): Promise<void> {
    const { logger } = this.#parts
    this.#begun.add(post.name)
    try {
      await post.begin(lease)
      this.#beginAgainAt.delete(post.name)
      logger.info({ post: post.name, token: lease.token, node: this.node.name }, 'a post begins here')
    } catch (error) {
      logger.error({ err: error, post: post.name }, 'a post could not begin here; trying again soon')
      this.#begun.delete(post.name)
      this.#beginAgainAt.set(post.name, this.#clocks.monotonic() + BEGIN_AGAIN_MS)
      await post.end('given')
      await this.#release(lease)
    }
  }

  async #giveBack(name: string, post: Post | undefined): Promise<void> {
    if (this.#begun.delete(name)) await post?.end('given')
    const lease = this.#held.get(name)
    if (lease !== undefined) await this.#release(lease)
  }

  /** Where the store is away, it ends by its time. */
  async #release(lease: LeaseInHand): Promise<void> {
    if (this.#held.get(lease.name) === lease) this.#held.delete(lease.name)
    if (lease.lost.aborted) return
    await this.#unlessCut(async () => {
      await this.#leases.release(lease.name, lease.token, this.node.id)
      this.#parts.logger.info({ post: lease.name, node: this.node.name }, 'a post was given back')
      await this.#tellOthers()
    })
  }

  /** Asks for a lease until it has it. */
  async #obtain(name: string): Promise<LeaseInHand> {
    const { leaseMs } = this.#parts
    const begun = this.#clocks.monotonic()
    const until = begun + OBTAIN_LEASES_MAX * leaseMs
    let wishAt = begun
    for (;;) {
      const now = this.#clocks.monotonic()
      if (now >= wishAt) {
        const [free] = await this.#claim([name])
        if (free !== undefined) return free
        await this.#leases.want(name, this.node.id, WANT_LEASES * leaseMs)
        await this.#tellOthers()
        wishAt = now + leaseMs
      }
      if (now >= until)
        throw new ThalwegError('NODE_BUSY', `The node that holds ${name} does not let go of it: try again`)
      await pause(OBTAIN_LOOK_MS)
      const [lease] = await this.#claim([name])
      if (lease !== undefined) return lease
    }
  }

  #stopWhatLapsed(): void {
    for (const lease of this.#held.values()) lease.mayAct()
  }

  async #tellOthers(): Promise<void> {
    this.wake()
    await this.#parts.notify()
  }
}
