import { useRouterState } from '@tanstack/react-router'
import { Tabs } from '../../elements/tabs.tsx'

const TABS = [
  ['People', '/profiles'],
  ['Joins', '/profiles/merges'],
  ['Conflicts', '/profiles/conflicts'],
  ['Kept apart', '/profiles/apart'],
] as const

/** The lists of this room. */
export function PeopleTabs() {
  const path = useRouterState({ select: ({ location }) => location.pathname })
  return <Tabs label="Lists" tabs={TABS.map(([label, to]) => ({ label, to, active: path === to }))} />
}
