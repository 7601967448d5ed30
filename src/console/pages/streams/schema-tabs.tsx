import { useRouterState } from '@tanstack/react-router'
import { Tabs } from '../../elements/tabs.tsx'

const TABS = [
  ['Streams', '/streams'],
  ['Identifiers', '/streams/schema/identifiers'],
  ['Versions', '/streams/schema/versions'],
] as const

/** The parts of the schema of profiles. */
export function SchemaTabs() {
  const path = useRouterState({ select: ({ location }) => location.pathname })
  return <Tabs label="Schema" tabs={TABS.map(([label, to]) => ({ label, to, active: path === to }))} />
}
