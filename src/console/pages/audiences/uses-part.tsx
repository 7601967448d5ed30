/** Who needs the audience, and deleting it, which waits for them. */

import { Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AudienceUsesAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { StateBadge } from '../../elements/state-badge.tsx'
import { count } from '../../elements/words.ts'
import type { PartProps } from './audience-page.tsx'

export function UsesPart({ audience: { number, slug, name, size } }: PartProps) {
  const uses = useAnswer<AudienceUsesAnswer>(at`/audiences/${slug}/uses`)
  const remove = useChange({
    method: 'DELETE',
    path: () => at`/audiences/${number}`,
    changes: ['/audiences'],
    leadsTo: () => '/audiences',
    done: () => told(`${name} is deleted`),
  })
  return (
    <Answer of={uses}>
      {({ audiences, exports }) => {
        const users = audiences.length + exports.length
        return (
          <Stack gap="md">
            <section className="tw-card" aria-label="Exports that send it">
              <Title order={2} mb="xs">
                Exports that send it
              </Title>
              {exports.length === 0 && (
                <Text size="sm" c="dimmed">
                  None. <Link to={at`/exports`}>An export</Link> writes the slug into an attribute in Braze.
                </Text>
              )}
              {exports.map((one) => (
                <Text size="sm" key={one.number}>
                  <Link to={at`/exports/${one.number}`}>{one.name}</Link> <StateBadge state={one.state} />
                </Text>
              ))}
            </section>
            <section className="tw-card" aria-label="Audiences that include it">
              <Title order={2} mb="xs">
                Audiences that include it
              </Title>
              {audiences.length === 0 && (
                <Text size="sm" c="dimmed">
                  None.
                </Text>
              )}
              {audiences.map((one) => (
                <Text size="sm" key={one}>
                  <Link to={at`/audiences/${one}`}>{one}</Link>
                </Text>
              ))}
            </section>
            <section className="tw-card" aria-label="Delete">
              <Title order={2} mb="xs">
                Delete
              </Title>
              <Stack gap="xs" align="flex-start">
                <Text size="sm">
                  {users > 0
                    ? 'It is needed: take it out of what is named above first.'
                    : 'Its members leave it. Its history stays, and can be asked by its number.'}
                </Text>
                <ConfirmButton
                  label="Delete audience"
                  color="var(--tw-bad-strong)"
                  disabled={users > 0}
                  typed={slug}
                  onConfirm={remove.mutateAsync}
                >
                  <Text>
                    {name} has {count(size)} {size === 1 ? 'member' : 'members'}. All of them leave. Its
                    number is {number}: by it the history can still be asked.
                  </Text>
                </ConfirmButton>
              </Stack>
            </section>
          </Stack>
        )
      }}
    </Answer>
  )
}
