/** A secret that the hub gives out once: it can be copied now, or never. */

import { Alert, Code, Group, Stack, Text } from '@mantine/core'
import { KeyRound } from 'lucide-react'
import { CopyButton } from '../../elements/copy-button.tsx'

export interface ShownOnceProps {
  readonly title: string
  readonly about: string
  readonly secret: string
  /** Of the secret, for the button that copies it. */
  readonly label: string
}

export function ShownOnce({ title, about, secret, label }: ShownOnceProps) {
  return (
    <Alert
      variant="outline"
      color="river"
      icon={<KeyRound size={18} aria-hidden />}
      title={title}
      role="status"
    >
      <Stack gap="xs">
        <Text size="sm">{about}</Text>
        <Group gap="xs" wrap="nowrap" align="flex-start">
          <Code block style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap', flex: 1 }}>
            {secret}
          </Code>
          <CopyButton value={secret} label={label} />
        </Group>
      </Stack>
    </Alert>
  )
}
