import { ActionIcon, Indicator, Tooltip } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { Bell } from 'lucide-react'
import type { AlertAnswer } from '../../api/routes/alerts.ts'
import { useAnswer } from '../api/queries.ts'

/** How many alerts are open. */
export function AlertsButton() {
  const { data } = useAnswer<{ alerts: AlertAnswer[] }>('/alerts', { query: { open: true }, everyMs: 30_000 })
  const count = data?.alerts.length ?? 0
  const label = count === 0 ? 'Alerts: none open' : `Alerts: ${count} open`
  return (
    <Indicator label={count} size={16} offset={4} disabled={count === 0} color="var(--tw-bad-strong)">
      <Tooltip label={label}>
        <ActionIcon component={Link} to="/alerts" variant="subtle" aria-label={label}>
          <Bell size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </Indicator>
  )
}
