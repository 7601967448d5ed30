/**
 * Any node takes the API. What is kept in the memory or on the disk of the node that does the work is answered there: this passes such a
 * request on, as it came, and its answer back. One that was passed on once is answered where it is: its header proves that a node of this
 * store has sent it, and is nobody else's to make.
 */

import { createHmac } from 'node:crypto'
import { type IncomingMessage, request as requestOf, type ServerResponse } from 'node:http'
import { request as secureRequestOf } from 'node:https'
import type { Cluster, NodeView } from '../cluster/cluster.ts'
import { SCHEDULE_POST } from '../cluster/posts.ts'
import { tokensEqual } from '../core/secret.ts'
import type { Currents } from '../currents/registry.ts'
import { deliveryOf } from '../delivery/delivery.ts'
import type { ApiLogger } from './parts.ts'

export interface ForwardingParts {
  readonly cluster: Cluster
  readonly currents: Currents
  readonly logger: ApiLogger
  /** The same on all nodes of the store, and known to nobody else. */
  readonly nodeKey: Uint8Array
}

const PASSED_ON = 'x-thalweg-passed-on'
/** What every node answers, whatever its roles. */
const FOR_ALL = new Set(['/healthz', '/readyz', '/metrics'])
const IDLE_MS_MAX = 120_000
/** By the first word of an address behind the prefix: what the schedules work on. */
const SCHEDULED = new Set([
  'activations',
  'audience-progress',
  'audiences',
  'authorizations',
  'config',
  'drift',
  'entity',
  'erasures',
  'exports',
  'imports',
  'profile-schema',
  'profiles',
  'runs',
  'segments',
])

export class Forwarding {
  readonly #parts: ForwardingParts
  readonly #prefix: string

  constructor(parts: ForwardingParts, prefix: string) {
    this.#parts = parts
    this.#prefix = `${prefix}/`
  }

  /** Whether this node, which has not the role `api`, answers all the same: probes, and what another node passed on. */
  isForAll(request: IncomingMessage): boolean {
    return FOR_ALL.has(request.url?.split('?', 1)[0] ?? '') || this.#wasPassedOn(request)
  }

  /** Name of the post whose node is to answer, or of the current; undefined: any node does. */
  wants(request: IncomingMessage): { post: string } | { current: string } | undefined {
    const { url = '' } = request
    if (this.#parts.cluster.isSole || !url.startsWith(this.#prefix) || this.#wasPassedOn(request))
      return undefined
    const [first = '', second] = url.slice(this.#prefix.length).split(/[?#]/, 1)[0]?.split('/') ?? []
    if (first === 'currents' && second !== undefined && second !== '') return { current: second }
    const isBackup = first === 'system' && second === 'backups'
    return SCHEDULED.has(first) || isBackup ? { post: SCHEDULE_POST } : undefined
  }

  /** False: to be answered here. Never rejects. */
  async take(
    request: IncomingMessage,
    response: ServerResponse,
    wanted: NonNullable<ReturnType<Forwarding['wants']>>,
  ): Promise<boolean> {
    try {
      const post = 'post' in wanted ? wanted.post : await this.#postOf(wanted.current)
      if (post === undefined || this.#parts.cluster.has(post)) return false
      const node = await this.#parts.cluster.holderOf(post)
      if (node === undefined || node.isThis || node.url === '' || node.state === 'gone') return false
      this.#passOn(request, response, node)
      return true
    } catch {
      // The answer of this node says what is the matter.
      return false
    }
  }

  #wasPassedOn({ method = '', url = '', headers }: IncomingMessage): boolean {
    const proof = headers[PASSED_ON]
    return typeof proof === 'string' && tokensEqual(proof, this.#proofOf(method, url))
  }

  #proofOf(method: string, path: string): string {
    return createHmac('sha256', this.#parts.nodeKey).update(`${method} ${path}`).digest('base64url')
  }

  async #postOf(which: string): Promise<string | undefined> {
    const name = decodeURIComponent(which)
    const { number } = await this.#parts.currents.get(/^\d+$/.test(name) ? Number(name) : name)
    return deliveryOf(number)
  }

  #passOn(request: IncomingMessage, response: ServerResponse, node: NodeView): void {
    const { logger } = this.#parts
    const target = new URL(request.url ?? '/', node.url)
    const send = target.protocol === 'https:' ? secureRequestOf : requestOf
    const from = request.socket.remoteAddress ?? ''
    const method = request.method ?? 'GET'
    const passed = send(target, {
      method,
      headers: {
        ...request.headers,
        [PASSED_ON]: this.#proofOf(method, target.pathname + target.search),
        'x-forwarded-for': [request.headers['x-forwarded-for'], from].filter(Boolean).join(', '),
      },
      timeout: IDLE_MS_MAX,
    })
    passed.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
      answer.on('error', () => response.destroy())
    })
    passed.on('timeout', () => passed.destroy(new Error('it does not answer')))
    passed.on('error', (error) => {
      logger.warn({ err: error, node: node.name, url: request.url }, 'a request could not be passed on')
      if (response.headersSent) return void response.destroy()
      const message = `The node ${node.name}, which does this, cannot be reached: ${error.message}`
      response
        .writeHead(503, { 'content-type': 'application/json', 'retry-after': '2' })
        .end(JSON.stringify({ error: { code: 'NODE_BUSY', message } }))
    })
    response.on('close', () => passed.destroy())
    request.pipe(passed)
  }
}
