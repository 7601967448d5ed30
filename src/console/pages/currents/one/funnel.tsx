/**
 * What becomes of accepted events, as water: accepted = sent + filtered + pending, and sent = delivered + dead. What is pending has not been
 * looked at yet, so it is none of the others: each of them only grows, whatever halts. A bed is as broad as its share of the accepted; it moves
 * while something flows. Every number leads to the rows behind it.
 */

import { useElementSize } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { count, share } from '../../../elements/words.ts'
import classes from './funnel.module.css'

export type FunnelPart = 'accepted' | 'sent' | 'filtered' | 'pending' | 'delivered' | 'dead'

export interface FunnelProps {
  readonly counts: Readonly<Record<FunnelPart, number>>
  /** Per second, in words; undefined: not known. */
  readonly rates: Partial<Readonly<Record<FunnelPart, string>>>
  /** Whether something moves there now. */
  readonly moving: Partial<Readonly<Record<FunnelPart, boolean>>>
  readonly to: Readonly<Record<FunnelPart, string>>
  /** Below the number of a part. */
  readonly notes: Partial<Readonly<Record<FunnelPart, ReactNode>>>
}

interface Place {
  readonly part: FunnelPart
  readonly title: string
  readonly from?: FunnelPart
  /** Of [0, 1]: across the picture, and along the direction in which water flows. */
  readonly level: 0 | 1 | 2
  readonly lane: number
}

const PLACES: readonly Place[] = [
  { part: 'accepted', title: 'Accepted', level: 0, lane: 0.5 },
  { part: 'sent', title: 'Sent', from: 'accepted', level: 1, lane: 0 },
  { part: 'filtered', title: 'Filtered', from: 'accepted', level: 1, lane: 0.5 },
  { part: 'pending', title: 'Pending', from: 'accepted', level: 1, lane: 1 },
  { part: 'delivered', title: 'Delivered', from: 'sent', level: 2, lane: 0 },
  { part: 'dead', title: 'Dead', from: 'sent', level: 2, lane: 0.5 },
]

const WIDE_PX = 620
const WIDE_HEIGHT_PX = 350
const NARROW_HEIGHT_PX = 430
const BED_PX_MIN = 2
const BED_PX_MAX = 46

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export function Funnel({ counts, rates, moving, to, notes }: FunnelProps) {
  const { ref, width } = useElementSize<HTMLDivElement>()
  const wide = width >= WIDE_PX
  const boxes = boxesOf(width, wide)
  return (
    <div ref={ref} className={classes.frame} style={{ height: wide ? WIDE_HEIGHT_PX : NARROW_HEIGHT_PX }}>
      {width > 0 && (
        <>
          <svg className={classes.beds} width="100%" height="100%" aria-hidden="true">
            <title>Beds</title>
            {PLACES.map(({ part, from }) =>
              from === undefined ? null : (
                <Bed
                  key={part}
                  path={pathOf(boxes[from], boxes[part], wide)}
                  part={part}
                  widthPx={bedOf(counts[part], counts.accepted)}
                  moving={moving[part] === true}
                />
              ),
            )}
          </svg>
          {PLACES.map(({ part, title }) => {
            const { x, y, width: w, height } = boxes[part]
            return (
              <Link
                key={part}
                to={to[part]}
                className={classes.part}
                data-part={part}
                data-empty={counts[part] === 0 || undefined}
                style={{ left: x, top: y, width: w, minHeight: height }}
              >
                <span className={classes.title}>{title}</span>
                <span className={classes.count}>{count(counts[part])}</span>
                <span className={classes.note}>
                  {rates[part] ?? (part === 'accepted' ? '' : share(counts[part], counts.accepted))}
                </span>
                {notes[part] !== undefined && <span className={classes.note}>{notes[part]}</span>}
              </Link>
            )
          })}
        </>
      )}
    </div>
  )
}

function boxesOf(width: number, wide: boolean): Readonly<Record<FunnelPart, Box>> {
  const size = wide
    ? { width: Math.min(210, width / 4), height: 92 }
    : { width: Math.min(112, (width - 16) / 3), height: 92 }
  const height = wide ? WIDE_HEIGHT_PX : NARROW_HEIGHT_PX
  return Object.fromEntries(
    PLACES.map(({ part, level, lane }) => {
      const along = wide ? width - size.width : height - size.height
      const across = wide ? height - size.height : width - size.width
      const [a, b] = [(level / 2) * along, lane * across]
      return [part, { ...size, x: wide ? a : b, y: wide ? b : a }]
    }),
  ) as Record<FunnelPart, Box>
}

function pathOf(from: Box, to: Box, wide: boolean): string {
  const [x1, y1] = wide
    ? [from.x + from.width, from.y + from.height / 2]
    : [from.x + from.width / 2, from.y + from.height]
  const [x2, y2] = wide ? [to.x, to.y + to.height / 2] : [to.x + to.width / 2, to.y]
  const bend = wide ? (x2 - x1) / 2 : (y2 - y1) / 2
  return wide
    ? `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
}

function bedOf(part: number, whole: number): number {
  return whole === 0 || part === 0 ? BED_PX_MIN : Math.max(BED_PX_MIN, (part / whole) * BED_PX_MAX)
}

function Bed({
  path,
  part,
  widthPx,
  moving,
}: {
  path: string
  part: FunnelPart
  widthPx: number
  moving: boolean
}) {
  return (
    <>
      <path d={path} className={classes.bed} data-part={part} style={{ strokeWidth: widthPx }} />
      {moving && <path d={path} className={classes.water} data-part={part} />}
    </>
  )
}
