/** Nodes: who works on this store, what each does, and which is to hand over. */

import * as z from 'zod'
import type { NodeView as Node } from '../../cluster/cluster.ts'
import { NODE_ROLES } from '../../core/node-role.ts'
import { deliveryOf } from '../../delivery/delivery.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Time } from '../schemas.ts'

const NodeView = z
  .object({
    id: z.string().describe('Of this life of the node; another one after a restart.'),
    name: z.string(),
    url: z.string().describe('Under which the other nodes reach it; empty until it is ready.'),
    roles: z.array(z.enum(NODE_ROLES)),
    state: z
      .enum(['joining', 'active', 'draining', 'gone'])
      .describe('gone: it left, or was not heard of for as long as a lease lasts.'),
    version: z.string(),
    startedAt: Time,
    heartbeatAt: Time.describe('When it was heard of last, by the clock of the database.'),
    isThis: z.boolean().describe('It is the one that answers.'),
    posts: z
      .array(z.object({ name: z.string(), current: z.string().nullable() }))
      .describe('What it does alone among all nodes; `current`: the name of the current that it delivers.'),
  })
  .meta({ id: 'Node' })

const Cluster = z
  .object({
    isSole: z.boolean().describe('The store belongs to one process: there can be no other node.'),
    nodes: z.array(NodeView),
    unowned: z
      .array(z.string())
      .describe('Running currents that no node delivers at this moment: for seconds while one takes over.'),
  })
  .meta({ id: 'Cluster' })

export type NodeAnswer = z.output<typeof NodeView>
export type ClusterAnswer = z.output<typeof Cluster>

const TAGS = ['System']
const Params = z.object({ node: z.string().min(1).max(256).describe('Name or id of the node.') })

export function nodeRoutes(app: Api, { cluster, currents, erasures }: ApiParts): void {
  const audit: Audited = {
    object: 'node',
    param: 'node',
    read: async (which) => {
      const node = (await cluster.nodes()).find(({ id, name }) => id === which || name === which)
      return node && { id: node.id, name: node.name, state: node.state, roles: node.roles }
    },
  }
  const namesByPost = async (): Promise<ReadonlyMap<string, string>> =>
    new Map((await currents.list()).map(({ number, name }) => [deliveryOf(number), name]))

  app.get(
    '/nodes',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listNodes',
        summary: 'The nodes of this store, and what each of them does',
        response: { 200: Cluster, default: ErrorAnswer },
      },
    },
    async () => {
      const [nodes, names, list] = await Promise.all([cluster.nodes(), namesByPost(), currents.list()])
      const owned = new Set(nodes.flatMap(({ posts }) => posts))
      return {
        isSole: cluster.isSole,
        nodes: nodes.map((node) => viewOf(node, names)),
        unowned: list
          .filter(({ number, state }) => state === 'running' && !owned.has(deliveryOf(number)))
          .map(({ name }) => name),
      }
    },
  )

  for (const [action, isDraining, summary] of [
    ['drain', true, 'Have a node hand over what it does, and take nothing more'],
    ['activate', false, 'Have a node that was drained take part again'],
  ] as const) {
    app.post(
      `/nodes/:node/${action}`,
      {
        config: { role: 'admin', audit },
        schema: {
          tags: TAGS,
          operationId: `${action}Node`,
          summary,
          params: Params,
          response: { 200: NodeView, default: ErrorAnswer },
        },
      },
      async (request) =>
        viewOf(await cluster.setDraining(request.params.node, isDraining), await namesByPost()),
    )
  }

  app.delete(
    '/nodes/:node',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'forgetNode',
        summary: 'Say that a node is gone for good, and its folders with it',
        description:
          'Erasures wait for its part no more, and new ones give it none. A node that starts again under this name is a new one, with folders that hold nothing.',
        params: z.object({ node: z.string().min(1).max(256).describe('Name of the node.') }),
        response: {
          200: z.object({ waived: Count.describe('Erasures that it still had a part in.') }),
          default: ErrorAnswer,
        },
      },
    },
    async (request) => {
      const { node } = request.params
      await cluster.forget(node)
      return { waived: await erasures.waive(node) }
    },
  )
}

function viewOf({ roles, posts, log: _, ...node }: Node, names: ReadonlyMap<string, string>): NodeAnswer {
  return {
    ...node,
    roles: [...roles],
    posts: posts.map((name) => ({ name, current: names.get(name) ?? null })),
  }
}
