import { ActionIcon, Menu, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { LogOut, Shield, User } from 'lucide-react'
import { signOut, useMe } from '../api/session.ts'
import { spoken } from '../elements/words.ts'
import { leave } from './frame.tsx'

/** Who has signed in, and the way out. */
export function MeButton() {
  const me = useMe()
  if (me === undefined) return null
  return (
    <Menu position="bottom-end" width={230} withArrow>
      <Menu.Target>
        <ActionIcon variant="subtle" aria-label={`You: ${me.name}`}>
          <User size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--mantine-color-text)" truncate>
            {me.name}
          </Text>
          <Text size="xs" truncate>
            {me.email ?? 'API token'} · {spoken(me.role)}
          </Text>
        </Menu.Label>
        <Menu.Item component={Link} to="/access/you" leftSection={<Shield size={15} aria-hidden />}>
          Your password and sessions
        </Menu.Item>
        {me.kind === 'person' && (
          <Menu.Item
            leftSection={<LogOut size={15} aria-hidden />}
            onClick={() => {
              leave()
              void signOut()
            }}
          >
            Sign out
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
