/** Whom the vendor did not know. Braze does not say; the page does not pretend to know. */

import { Anchor, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { Empty } from '../../elements/empty.tsx'
import { count } from '../../elements/words.ts'

export function RunUnmatched({ run, path }: { run: RunAnswer; path: string }) {
  return (
    <Empty title="The vendor does not tell whom it did not know">
      <Text size="sm" mb="xs">
        Braze accepts a request and passes over identifiers that no profile has: nobody is created, and the
        answer names nobody. So the {count(run.report.accepted)} accepted changes may hold some that changed
        nothing.
      </Text>
      <Text size="sm">
        The size of the segment in Braze, beside the members here, shows how many there are. What Braze
        refuses with a reason is under{' '}
        <Anchor component={Link} to={`${path}/rejected`} size="sm">
          Rejected
        </Anchor>
        .
      </Text>
    </Empty>
  )
}
