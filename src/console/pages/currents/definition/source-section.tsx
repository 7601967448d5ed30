/** Which sources' events a current takes. */

import { Checkbox, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { SourceAnswer } from '../../../../api/routes/sources.ts'
import { useAnswer } from '../../../api/queries.ts'
import { Answer } from '../../../elements/answer.tsx'
import { Empty } from '../../../elements/empty.tsx'
import { When } from '../../../elements/when.tsx'
import { count } from '../../../elements/words.ts'
import { INBOX } from '../places.ts'
import classes from './definition.module.css'
import { problemsBelow, type SectionProps } from './definition.ts'

export function SourceSection({ value: { sources: chosen }, onChange, problems }: SectionProps) {
  const answer = useAnswer<{ sources: SourceAnswer[] }>('/sources')
  const [problem] = problemsBelow(problems, ['sources'])
  return (
    <Answer of={answer}>
      {({ sources: all }) => {
        // What an activation carries is no event, and has a current of its own.
        const sources = all.filter(({ kind, name }) => kind !== 'audience' || chosen.includes(name))
        return sources.length === 0 ? (
          <Empty title="No source yet" action={<Link to={INBOX}>Make one in the inbox</Link>}>
            A source is a door that events come in by: an address and a token that Braze is given.
          </Empty>
        ) : (
          <Checkbox.Group
            label="Events of these sources"
            description="A current may take several; their events keep their order of arrival."
            error={problem}
            value={[...chosen]}
            onChange={(names) => onChange({ sources: names })}
          >
            <Stack gap="xs" mt="xs">
              {sources.map(({ name, kind, counters }) => (
                <Checkbox.Card
                  key={name}
                  value={name}
                  className={classes.choice}
                  aria-label={`${name}, ${kind}`}
                >
                  <Checkbox.Indicator />
                  <div className={classes.choiceText}>
                    <Text size="sm" fw={600}>
                      {name}
                    </Text>
                    <Text size="xs" c="dimmed">
                      {kind} · {count(counters.accepted)} accepted since the start · last event{' '}
                      <When at={counters.eventAt} />
                    </Text>
                  </div>
                </Checkbox.Card>
              ))}
            </Stack>
          </Checkbox.Group>
        )
      }}
    </Answer>
  )
}
