/** The loop as a picture. It is only drawn: what is in it is read in the table below, too. */

import '@xyflow/react/dist/style.css'
import { useComputedColorScheme } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import {
  BaseEdge,
  type Edge,
  type EdgeProps,
  getBezierPath,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  useReactFlow,
} from '@xyflow/react'
import { useEffect, useMemo } from 'react'
import { StateBadge } from '../../elements/state-badge.tsx'
import { STILL } from '../../elements/still.ts'
import { count, counted, duration, rate } from '../../elements/words.ts'
import { type LoopEdge, type LoopNode, layoutOf, NODE_HEIGHT, NODE_WIDTH } from './layout.ts'
import type { LoopData } from './loop-data.ts'
import classes from './picture.module.css'

type Stand = Node<{ node: LoopNode }, 'stand'>
type Flow = Edge<{ edge: LoopEdge }, 'flow'>

const nodeTypes = { stand: StandNode }
const edgeTypes = { flow: FlowEdge }
const WRITE = { rate, count, counted, age: duration }
/** How a way leaves and arrives. */
const HANDLES = {
  on: ['right-out', 'left-in'],
  back: ['left-out', 'right-in'],
  down: ['bottom-out', 'left-in'],
} as const

export default function Picture({ loop }: { loop: LoopData }) {
  const scheme = useComputedColorScheme('light')
  const { nodes, edges } = layoutOf(loop, WRITE)
  const height = Math.min(Math.max(...nodes.map(({ y }) => y)) + NODE_HEIGHT + 40, 720)
  const stands: Stand[] = nodes.map((node) => ({
    id: node.id,
    type: 'stand',
    position: { x: node.x, y: node.y },
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    data: { node },
  }))
  const flows: Flow[] = edges.map((edge) => {
    const [sourceHandle, targetHandle] = HANDLES[edge.way]
    return {
      id: edge.id,
      type: 'flow',
      source: edge.from,
      target: edge.to,
      sourceHandle,
      targetHandle,
      data: { edge },
    }
  })
  const shape = useMemo(() => nodes.map(({ id, x, y }) => `${id} ${x} ${y}`).join(), [nodes])
  return (
    <div className={classes.frame} style={{ height }}>
      <ReactFlow
        nodes={stands}
        edges={flows}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        colorMode={scheme}
        {...STILL}
        fitViewOptions={{ padding: 0.02, maxZoom: 1 }}
        minZoom={0.2}
        panOnDrag={false}
        zoomOnDoubleClick={false}
        aria-label="The loop as a picture; the table below says the same"
      >
        <Refit shape={shape} />
      </ReactFlow>
    </div>
  )
}

/** The picture fills its frame again when something is added to it. */
function Refit({ shape }: { shape: string }) {
  const { fitView } = useReactFlow()
  // biome-ignore lint/correctness/useExhaustiveDependencies: when the shape changes
  useEffect(() => {
    void fitView({ padding: 0.02, maxZoom: 1 })
  }, [shape])
  return null
}

function StandNode({ data: { node } }: NodeProps<Stand>) {
  const inside = (
    <>
      <span className={classes.title}>
        <span className={classes.name} title={node.title}>
          {node.title}
        </span>
        {node.state !== undefined &&
          node.state !== 'running' &&
          node.state !== 'active' &&
          node.state !== 'open' && <StateBadge state={node.state} />}
      </span>
      {node.lines.map((line) => (
        <span key={line} className={classes.line}>
          {line}
        </span>
      ))}
    </>
  )
  return (
    <div className={classes.stand} data-look={node.look} data-state={node.state}>
      <Handle type="target" position={Position.Left} id="left-in" className={classes.handle} />
      <Handle type="source" position={Position.Left} id="left-out" className={classes.handle} />
      <Handle type="source" position={Position.Right} id="right-out" className={classes.handle} />
      <Handle type="target" position={Position.Right} id="right-in" className={classes.handle} />
      <Handle type="source" position={Position.Bottom} id="bottom-out" className={classes.handle} />
      {node.to === undefined ? (
        <div className={classes.inside}>{inside}</div>
      ) : (
        <Link to={node.to} className={`${classes.inside} nodrag nopan`}>
          {inside}
        </Link>
      )}
    </div>
  )
}

/** Faster and thicker with more in it; still when nothing moves. */
function FlowEdge({
  sourceX,
  sourceY,
  targetX,
  targetY,
  sourcePosition,
  targetPosition,
  data,
}: EdgeProps<Flow>) {
  const [path] = getBezierPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition })
  const { perSecond, state } = data?.edge ?? { perSecond: 0, state: 'running' }
  const strength = Math.log10(perSecond + 1)
  const moves = perSecond > 0 && state !== 'halted' && state !== 'paused'
  return (
    <>
      <BaseEdge path={path} className={classes.bed} data-state={state} />
      {moves && (
        <path
          d={path}
          fill="none"
          className={classes.water}
          style={{ strokeWidth: 2 + strength, animationDuration: `${Math.max(0.4, 2.4 - strength * 0.5)}s` }}
        />
      )}
    </>
  )
}
