import { Tabs } from '../../elements/tabs.tsx'

const PLACES = [
  ['SQL', '/warehouse'],
  ['Saved queries', '/warehouse/queries'],
  ['Running', '/warehouse/running'],
  ['Engines', '/warehouse/engines'],
] as const

export function WarehouseTabs({ at }: { at: (typeof PLACES)[number][1] }) {
  return (
    <Tabs
      label="Parts of the warehouse"
      tabs={PLACES.map(([label, to]) => ({ label, to, active: to === at }))}
    />
  )
}
