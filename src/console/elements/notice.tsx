import type { ReactNode } from 'react'
import classes from './notice.module.css'
import type { Mood } from './state-badge.tsx'

export interface NoticeProps {
  readonly title: ReactNode
  readonly mood?: Mood
  readonly icon?: ReactNode
  /** alert: read out at once, for what asks for a hand. */
  readonly role?: 'alert' | 'status'
  readonly children?: ReactNode
}

/** A word to the reader above the rest of a page: something waits, failed, or is not what it looks like. */
export function Notice({ title, mood = 'calm', icon, role = 'status', children }: NoticeProps) {
  return (
    <div className={classes.notice} data-mood={mood} role={role}>
      <div className={classes.title}>
        {icon}
        {title}
      </div>
      {children !== undefined && <div className={classes.text}>{children}</div>}
    </div>
  )
}
