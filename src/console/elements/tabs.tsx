/** Parts of a page, each with an address of its own. */

import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import classes from './tabs.module.css'

export interface Tab {
  readonly label: ReactNode
  readonly to: string
  readonly active: boolean
}

export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  return (
    <nav aria-label={label} className={classes.tabs}>
      {tabs.map(({ label: name, to, active }) => (
        <Link
          key={to}
          to={to}
          // What is above the tabs is the same for all of them: the eye stays where it is.
          resetScroll={false}
          className={classes.tab}
          data-active={active || undefined}
          {...(active ? { 'aria-current': 'page' as const } : {})}
        >
          {name}
        </Link>
      ))}
    </nav>
  )
}
