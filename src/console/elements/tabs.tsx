/** Parts of a page, each with an address of its own. */

import { Link } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef } from 'react'
import classes from './tabs.module.css'

export interface Tab {
  readonly label: ReactNode
  readonly to: string
  readonly active: boolean
}

export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const strip = useRef<HTMLElement>(null)
  const open = tabs.find(({ active }) => active)?.to
  // Where there is no room for all of them, the open one is in sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: when another one is opened
  useEffect(() => {
    const tab = strip.current?.querySelector<HTMLElement>('[data-active]')
    if (strip.current !== null && tab !== null && tab !== undefined)
      strip.current.scrollLeft = tab.offsetLeft - (strip.current.clientWidth - tab.offsetWidth) / 2
  }, [open])
  return (
    <nav aria-label={label} className={classes.tabs} ref={strip}>
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
