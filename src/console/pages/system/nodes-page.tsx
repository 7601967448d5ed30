/** Who works on this store, and what each node does alone. */

import { Alert, Anchor, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ClusterAnswer, NodeAnswer } from '../../../api/routes/nodes.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { SystemTabs } from './system-tabs.tsx'

export function NodesPage() {
  const answer = useAnswer<ClusterAnswer>('/nodes', { everyMs: 2_000 })
  return (
    <Page
      title="Nodes"
      intro="Who works on this store, and what each does alone. What a node does passes to the others when it is drained, stops or dies."
      calls={[
        'GET /api/v1/nodes',
        'POST /api/v1/nodes/{node}/drain',
        'POST /api/v1/nodes/{node}/activate',
        'DELETE /api/v1/nodes/{node}',
      ]}
      commands={[
        'thalweg nodes',
        'thalweg nodes drain <node>',
        'thalweg nodes activate <node>',
        'thalweg nodes forget <node>',
      ]}
    >
      <SystemTabs active="nodes" />
      <Answer of={answer}>
        {(cluster) => (
          <>
            {cluster.unowned.length > 0 && (
              <Alert role="status" variant="outline" color="river" title="Another node is taking over">
                No node delivers at this moment: {cluster.unowned.join(', ')}
              </Alert>
            )}
            <DataTable
              label="Nodes"
              rows={cluster.nodes}
              columns={cluster.isSole ? COLUMNS : [...COLUMNS, ACTIONS]}
              rowKey={({ id }) => id}
              empty={<Empty title="No nodes">Nobody has joined this store.</Empty>}
            />
            {cluster.isSole && (
              <Text size="sm" c="dimmed">
                The store is a file of this process, which does everything itself. Several nodes share a
                PostgreSQL: THALWEG_STORE.
              </Text>
            )}
          </>
        )}
      </Answer>
    </Page>
  )
}

function Posts({ node: { posts } }: { node: NodeAnswer }) {
  return posts.map(({ name, current }, i) => (
    <span key={name}>
      {i > 0 && ', '}
      {current === null ? (
        name
      ) : (
        <Anchor component={Link} to={`/currents/${encodeURIComponent(current)}`} size="sm">
          {current}
        </Anchor>
      )}
    </span>
  ))
}

function Part({ node: { id, name, state, posts } }: { node: NodeAnswer }) {
  const isDraining = state === 'draining'
  const action = isDraining ? 'activate' : 'drain'
  const change = useChange({ method: 'POST', path: () => at`/nodes/${id}/${action}`, changes: ['/nodes'] })
  if (state !== 'active' && !isDraining) return null
  return (
    <ConfirmButton
      label={isDraining ? 'Take part again' : 'Drain'}
      size="xs"
      variant="default"
      onConfirm={() => change.mutateAsync()}
    >
      <Text size="sm">
        {isDraining
          ? `${name} gets its share of what the others do.`
          : `${name} hands over what it does alone (${posts.length}) and takes nothing more. Doors and API go on.`}
      </Text>
    </ConfirmButton>
  )
}

const COLUMNS: readonly Column<NodeAnswer>[] = [
  {
    id: 'name',
    header: 'Node',
    cell: ({ name, isThis }) => (isThis ? `${name} (this one)` : name),
    sortBy: ({ name }) => name,
  },
  { id: 'state', header: 'State', cell: ({ state }) => <StateBadge state={state} mood={MOODS[state]} /> },
  { id: 'does', header: 'Does alone', cell: (node) => <Posts node={node} /> },
  { id: 'roles', header: 'Roles', cell: ({ roles }) => roles.join(', '), spare: true },
  { id: 'version', header: 'Version', cell: ({ version }) => version, spare: true },
  {
    id: 'started',
    header: 'Started',
    cell: ({ startedAt }) => <When at={startedAt} />,
    sortBy: ({ startedAt }) => startedAt,
    spare: true,
  },
]

const ACTIONS: Column<NodeAnswer> = { id: 'part', header: '', cell: (node) => <Part node={node} /> }

const MOODS = { joining: 'wait', active: 'good', draining: 'wait', gone: 'bad' } as const
