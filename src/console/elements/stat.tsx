import { Link } from '@tanstack/react-router'
import { Children, type CSSProperties, type ReactNode } from 'react'
import classes from './stat.module.css'

export interface StatProps {
  readonly label: string
  readonly value: ReactNode
  /** Below the value: share, rate, since when. */
  readonly note?: ReactNode
  /** Where the rows behind the number are. */
  readonly to?: string
  readonly mood?: 'good' | 'wait' | 'bad'
}

/** One number, large, with its name; it leads to the rows behind it. */
export function Stat({ label, value, note, to, mood }: StatProps) {
  const inside = (
    <>
      <span className={classes.label}>{label}</span>
      <span className={classes.value} data-mood={mood}>
        {value}
      </span>
      {note !== undefined && <span className={classes.note}>{note}</span>}
    </>
  )
  return to === undefined ? (
    <div className={classes.stat}>{inside}</div>
  ) : (
    <Link to={to} className={classes.stat}>
      {inside}
    </Link>
  )
}

/** So many stand in a row on a window of 1280 pixels. */
const PER_ROW_MAX = 7
const PER_ROW_MAX_NARROW = 9

/** Stats in a row that breaks where there is no room; more than a row holds stand in two alike. `narrow`: for many short numbers. */
export function Stats({ narrow = false, children }: { narrow?: boolean; children: ReactNode }) {
  const stats = Children.toArray(children).length
  const isTwoRows = stats > (narrow ? PER_ROW_MAX_NARROW : PER_ROW_MAX)
  return (
    <div
      className={classes.stats}
      data-narrow={narrow || undefined}
      style={isTwoRows ? ({ '--per-row': Math.ceil(stats / 2) } as CSSProperties) : {}}
    >
      {children}
    </div>
  )
}
