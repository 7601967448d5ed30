import { useRouterState } from '@tanstack/react-router'
import { Tabs } from '../../elements/tabs.tsx'

const TABS = [
  { label: 'People', to: '/access' },
  { label: 'API tokens', to: '/access/tokens' },
  { label: 'You', to: '/access/you' },
] as const

export function AccessTabs() {
  const path = useRouterState({ select: ({ location }) => location.pathname })
  return <Tabs label="Access" tabs={TABS.map((tab) => ({ ...tab, active: tab.to === path }))} />
}
