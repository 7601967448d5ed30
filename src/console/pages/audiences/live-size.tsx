/** How many people a rule means while it is written, and some of them. */

import { Stack } from '@mantine/core'
import { Answer } from '../../elements/answer.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { count, share } from '../../elements/words.ts'
import { PeopleTable } from './people-table.tsx'
import { usePreview } from './preview.ts'

/** So many are looked at while one types: less than a second, however many there are. */
const LOOK_LIVE = 20_000

export interface LiveSizeProps {
  readonly filter: string | undefined
  readonly fields: readonly string[]
  readonly against?: string
}

export function LiveSize({ filter, fields, against }: LiveSizeProps) {
  const preview = usePreview({ filter, against, look: LOOK_LIVE })
  return (
    <Answer of={preview} lines={3}>
      {({ size, exact, looked, profiles, sample, change }) => (
        <Stack gap="sm">
          <Stats>
            <Stat
              label="People it means"
              value={exact ? count(size) : `about ${count(size)}`}
              note={`${share(size, profiles)} of ${exact ? '' : 'about '}${count(profiles)}`}
            />
            <Stat
              label="Looked at"
              value={exact ? 'everybody' : count(looked)}
              note={exact ? 'an exact count' : 'people from all over'}
            />
            {change !== null && (
              <>
                <Stat
                  label="Would enter"
                  value={count(change.entered)}
                  {...(change.entered > 0 ? { mood: 'good' as const } : {})}
                />
                <Stat
                  label="Would leave"
                  value={count(change.left)}
                  {...(change.left > 0 ? { mood: 'bad' as const } : {})}
                />
              </>
            )}
          </Stats>
          <PeopleTable
            label="people whom the rule means"
            people={sample}
            fields={fields}
            none="Nobody fits this rule at the moment"
          />
        </Stack>
      )}
    </Answer>
  )
}
