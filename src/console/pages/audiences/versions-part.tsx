/** What the audience meant when, latest first. */

import { Group, Stack, Text, Title } from '@mantine/core'
import type { AudienceVersionAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { CopyButton } from '../../elements/copy-button.tsx'
import { When } from '../../elements/when.tsx'
import type { PartProps } from './audience-page.tsx'

export function VersionsPart({ audience: { slug, version: present } }: PartProps) {
  const versions = useAnswer<{ versions: AudienceVersionAnswer[] }>(at`/audiences/${slug}/versions`)
  return (
    <Answer of={versions}>
      {({ versions: all }) => (
        <Stack gap="sm">
          {all.map((one) => (
            <section key={one.version} className="tw-card" aria-label={`Version ${one.version}`}>
              <Group gap="sm" align="baseline">
                <Title order={2}>
                  Version {one.version}
                  {one.version === present && ', the present one'}
                </Title>
                <Text size="sm" c="dimmed">
                  <When at={one.savedAt} exact /> by {one.author || 'somebody'}
                  {one.note !== '' && `: ${one.note}`}
                </Text>
                <CopyButton value={one.filter} label={`the rule of version ${one.version}`} />
              </Group>
              <Text size="sm">
                {one.name} <code>{one.slug}</code>
              </Text>
              <pre className="tw-code">{one.filter}</pre>
            </section>
          ))}
        </Stack>
      )}
    </Answer>
  )
}
