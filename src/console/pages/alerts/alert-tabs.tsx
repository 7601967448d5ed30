import { Tabs } from '../../elements/tabs.tsx'

export function AlertTabs({ active }: { active: 'alerts' | 'channels' }) {
  return (
    <Tabs
      label="Alerts"
      tabs={[
        { label: 'Alerts', to: '/alerts', active: active === 'alerts' },
        { label: 'Channels', to: '/alerts/channels', active: active === 'channels' },
      ]}
    />
  )
}
