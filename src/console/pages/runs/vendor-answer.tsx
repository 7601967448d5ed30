/** What was sent for one rejected change, and what the vendor answered, word for word. */

import { Anchor, Drawer, Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { DeadLetterAnswer } from '../../../api/routes/dead-letters.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Facts } from '../../elements/facts.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'

/** `letter`: id of the dead letter; undefined: the drawer is closed. */
export function VendorAnswer({ letter, close }: { letter: string | undefined; close: () => void }) {
  return (
    <Drawer
      opened={letter !== undefined}
      onClose={close}
      position="right"
      size="lg"
      title="Request and answer"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {letter !== undefined && <Letter id={letter} />}
    </Drawer>
  )
}

function Letter({ id }: { id: string }) {
  const letter = useAnswer<DeadLetterAnswer>(at`/dead-letters/${id}`)
  return (
    <Answer of={letter}>
      {({ message, status, attempts, fault, state, createdAt, sent, answer, eventId }) => (
        <Stack gap="md">
          <Text fw={600}>{message}</Text>
          <Facts
            label="About the refusal"
            facts={[
              ['Status', status === 0 ? 'no answer' : status],
              ['Fault', fault],
              ['Attempts', count(attempts)],
              ['Dead letter', <StateBadge key="state" state={state} />],
              ['Since', <When key="since" at={createdAt} />],
            ]}
          />
          <div>
            <Text size="sm" fw={600}>
              What was sent
            </Text>
            <JsonView label="What was sent" value={indented(sent)} height="260px" />
          </div>
          <div>
            <Text size="sm" fw={600}>
              What the vendor answered
            </Text>
            <JsonView label="What the vendor answered" value={indented(answer)} height="260px" />
          </div>
          <Group gap="md">
            <Anchor component={Link} to={at`/dead-letters/${id}`} size="sm">
              The dead letter
            </Anchor>
            <Anchor component={Link} to={at`/events/${eventId}`} size="sm">
              Its whole lineage
            </Anchor>
          </Group>
        </Stack>
      )}
    </Answer>
  )
}

/** JSON for reading; what is none stays as it is. */
function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
