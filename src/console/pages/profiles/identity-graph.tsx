/** The picture of an identity, to look at and to move around in. What it says stands in the lists beside it, too. */

import '@xyflow/react/dist/style.css'
import { useComputedColorScheme } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import {
  Controls,
  type Edge,
  Handle,
  type Node,
  type NodeProps,
  Panel,
  Position,
  ReactFlow,
} from '@xyflow/react'
import { useMemo } from 'react'
import { at } from '../../api/client.ts'
import { STILL } from '../../elements/still.ts'
import classes from './identity.module.css'
import { NODE, placesOf } from './identity-layout.ts'
import type { Picture, PictureEdge, PictureNode } from './identity-picture.ts'

type IdentifierNode = Node<{ readonly about: PictureNode }, 'identifier'>

const STROKES: Readonly<Record<PictureEdge['kind'], string>> = {
  seen: 'var(--tw-calm)',
  joined: 'var(--tw-series-2)',
  conflict: 'var(--tw-bad)',
  apart: 'var(--tw-bad)',
}
const COLOURS = 4
/** Labels of more lines than these would hide each other. What joined is always told. */
const LABELS_MAX = 3

const nodeTypes = { identifier: Identifier }

export default function IdentityGraph({ picture }: { picture: Picture }) {
  const scheme = useComputedColorScheme('light')
  const { nodes, edges } = useMemo(() => drawn(picture), [picture])
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={nodeTypes}
      colorMode={scheme}
      {...STILL}
      fitViewOptions={{ maxZoom: 1, padding: 0.12 }}
      minZoom={0.08}
      onlyRenderVisibleElements={picture.nodes.length > 100}
      aria-label="Picture of the identity: the lists below say the same"
    >
      <Controls showInteractive={false} />
      <Panel position="top-left">
        <div className={classes.legend}>
          <span>
            <i />
            seen on one record
          </span>
          <span>
            <i data-line="joined" />
            joined two profiles
          </span>
          <span>
            <i data-line="conflict" />
            conflict or kept apart
          </span>
        </div>
      </Panel>
    </ReactFlow>
  )
}

function drawn(picture: Picture): { nodes: IdentifierNode[]; edges: Edge[] } {
  const places = placesOf(picture)
  return {
    nodes: picture.nodes.map((about) => ({
      id: about.id,
      type: 'identifier' as const,
      position: places.get(about.id) ?? { x: 0, y: 0 },
      data: { about },
      ...NODE,
    })),
    edges: picture.edges.map(({ id, from, to, kind, label }) => ({
      id,
      source: from,
      target: to,
      ...(picture.edges.length > LABELS_MAX && kind !== 'joined' ? {} : { label }),
      labelStyle: { fill: 'var(--mantine-color-text)', fontSize: 11 },
      labelBgStyle: { fill: 'var(--tw-surface)' },
      style: {
        stroke: STROKES[kind],
        strokeWidth: kind === 'joined' ? 2.5 : 1.5,
        ...(kind === 'seen' || kind === 'joined' ? {} : { strokeDasharray: '5 4' }),
      },
    })),
  }
}

function Identifier({ data: { about } }: NodeProps<IdentifierNode>) {
  const { kind, field, value, rank, namespace, note, more, shared, owner } = about
  const inside = (
    <>
      <span className={classes.kind}>
        <span>{field}</span>
        <span>{shared ? 'shared' : rank === 0 ? '' : `rank ${rank}`}</span>
      </span>
      <span className={classes.value} title={value}>
        {value}
      </span>
      <span className={classes.note} title={`${note}${more}`}>
        {note}
      </span>
    </>
  )
  const frame = {
    className: classes.node,
    'data-kind': kind,
    'data-shared': shared || undefined,
    style: { '--namespace': `var(--tw-series-${(namespace % COLOURS) + 1})` } as React.CSSProperties,
  }
  return (
    <>
      <Handle type="target" position={Position.Left} className={classes.end} isConnectable={false} />
      {owner === null ? (
        <div {...frame}>{inside}</div>
      ) : (
        <Link to={at`/profiles/${owner}`} {...frame}>
          {inside}
        </Link>
      )}
      <Handle type="source" position={Position.Right} className={classes.end} isConnectable={false} />
    </>
  )
}
