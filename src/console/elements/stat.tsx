import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
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

/** Stats in a row that breaks where there is no room; `narrow`: for many short numbers. */
export function Stats({ narrow = false, children }: { narrow?: boolean; children: ReactNode }) {
  return (
    <div className={classes.stats} data-narrow={narrow || undefined}>
      {children}
    </div>
  )
}
