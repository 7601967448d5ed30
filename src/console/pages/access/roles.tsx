/** What each role may do, to read and to choose from. */

import { Radio, Stack, Text } from '@mantine/core'
import type { Me } from '../../api/session.ts'
import { spoken } from '../../elements/words.ts'
import classes from './roles.module.css'

export type Role = Me['role']

export const ROLES: readonly { readonly role: Role; readonly may: string }[] = [
  { role: 'viewer', may: 'Reads everything but personal data, secrets and this page. Changes nothing.' },
  {
    role: 'operator',
    may: 'Also changes what flows: currents, dead letters, audiences, activations. Sees personal data.',
  },
  {
    role: 'admin',
    may: 'Also gives and takes access: people, tokens, credentials, sources. Erases, and reads the audit.',
  },
]

export function RolesExplained() {
  return (
    <dl className={classes.roles} aria-label="What each role may do">
      {ROLES.map(({ role, may }) => (
        <div key={role} className={classes.role}>
          <dt>{spoken(role)}</dt>
          <dd>{may}</dd>
        </div>
      ))}
    </dl>
  )
}

export function RoleChoice({ value, change }: { value: Role; change: (role: Role) => void }) {
  return (
    <Radio.Group label="Role" value={value} onChange={(role) => change(role as Role)}>
      <Stack gap={6} mt={6}>
        {ROLES.map(({ role, may }) => (
          <Radio
            key={role}
            value={role}
            label={spoken(role)}
            description={
              <Text size="xs" component="span" c="dimmed">
                {may}
              </Text>
            }
          />
        ))}
      </Stack>
    </Radio.Group>
  )
}
