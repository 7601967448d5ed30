import { ActionIcon, Indicator } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { Bell } from 'lucide-react'
import type { AlertAnswer } from '../../api/routes/alerts.ts'
import { useAnswer } from '../api/queries.ts'

/** How many alerts are open. */
export function AlertsButton() {
  const { data } = useAnswer<{ alerts: AlertAnswer[] }>('/alerts', { query: { open: true }, everyMs: 30_000 })
  const count = data?.alerts.length ?? 0
  return (
    <Indicator label={count} size={16} disabled={count === 0} color="var(--tw-bad-strong)">
      <ActionIcon
        component={Link}
        to="/alerts"
        variant="subtle"
        aria-label={count === 0 ? 'Alerts: none open' : `Alerts: ${count} open`}
      >
        <Bell size={18} aria-hidden />
      </ActionIcon>
    </Indicator>
  )
}
