import { Text } from '@mantine/core'
import type { ProfileAnswer } from '../../../api/routes/profiles.ts'
import { StateBadge } from '../../elements/state-badge.tsx'
import { count } from '../../elements/words.ts'
import { nameOf } from './naming.ts'

/** Beside the name: which profile it is, and by what else people know them. `asked`: the number in the address. */
export function Glance({ profile, asked }: { profile: ProfileAnswer; asked: number }) {
  const name = nameOf(profile)
  const others = [
    ...new Set(['email', 'external_id', 'city', 'country'].map((field) => profile.fields[field]?.value)),
  ]
    .filter((value): value is string => typeof value === 'string' && value !== '' && value !== name)
    .slice(0, 4)
  return (
    <>
      <StateBadge state={`Profile ${count(profile.id)}`} />
      {asked !== profile.id && (
        <StateBadge
          state={`${asked} was joined into it`}
          mood="wait"
          title="The number that was asked for leads here"
        />
      )}
      {others.length > 0 && (
        <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {others.join(' · ')}
        </Text>
      )}
    </>
  )
}
