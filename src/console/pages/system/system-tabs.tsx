import { Tabs } from '../../elements/tabs.tsx'

export function SystemTabs({ active }: { active: 'system' | 'nodes' | 'backups' | 'settings' }) {
  return (
    <Tabs
      label="System"
      tabs={[
        { label: 'Now', to: '/system', active: active === 'system' },
        { label: 'Nodes', to: '/system/nodes', active: active === 'nodes' },
        { label: 'Backups', to: '/system/backups', active: active === 'backups' },
        { label: 'Settings', to: '/system/settings', active: active === 'settings' },
      ]}
    />
  )
}
