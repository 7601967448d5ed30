import { Group, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AudienceWhyAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'

type CarriedBy = AudienceWhyAnswer['carried'][number]
type Told = CarriedBy['people'][number]

/** What exports told vendors of somebody. */
export function Carried({ carried, isMember }: { carried: readonly CarriedBy[]; isMember: boolean }) {
  return (
    <section className="tw-card" aria-label="What was told to vendors">
      <Title order={2} mb="xs">
        What was told to vendors
      </Title>
      {carried.length === 0 && (
        <Text size="sm" c="dimmed">
          No export sends this audience.
        </Text>
      )}
      <Stack gap="xs">
        {carried.map((one) => (
          <div key={one.export}>
            <Group gap="sm">
              <Link to={at`/exports/${one.export}`}>{one.name}</Link>
              <StateBadge state={one.state} />
            </Group>
            {one.people.length === 0 ? (
              <Text size="sm" c="dimmed">
                {isMember
                  ? 'Nothing: this person has no identifier that it sends by, or it has not begun.'
                  : 'Nothing: there is nothing to tell of this person.'}
              </Text>
            ) : (
              one.people.map((person) => (
                <Text size="sm" key={`${person.who.kind} ${person.who.label} ${person.who.value}`}>
                  {person.who.label || person.who.kind} <strong>{person.who.value}</strong>: {wordsOf(person)}
                  , <When at={person.updatedAt} />
                  {person.reason !== '' && `: ${person.reason}`}
                </Text>
              ))
            )}
          </div>
        ))}
      </Stack>
    </section>
  )
}

function wordsOf({ wanted, sent, state }: Told): string {
  if (state === 'refused') return 'the vendor refused'
  if (wanted && sent) return 'the vendor holds the slug'
  if (wanted) return 'the slug is on its way'
  return sent ? 'the slug is being taken away' : 'the vendor does not hold the slug'
}
