/** An export at a glance: people by what is to be told about them, each number leading to them. */

import { SimpleGrid, Stack } from '@mantine/core'
import type { ExportWholeAnswer } from '../../../api/routes/exports.ts'
import { Facts } from '../../elements/facts.tsx'
import { Notice } from '../../elements/notice.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { When } from '../../elements/when.tsx'
import { count, duration } from '../../elements/words.ts'
import { useAudienceNames } from './audience-names.ts'
import { attributeOf } from './exports-page.tsx'

const MOVES = {
  both: 'who enters and who leaves',
  enter: 'only who enters',
  exit: 'only who leaves',
} as const

export function OverviewTab({ of, path }: { of: ExportWholeAnswer; path: string }) {
  const { status, definition } = of
  const nameOf = useAudienceNames()
  const people = (state: string): string => `${path}/people?state=${state}`
  const { identifiers } = definition
  return (
    <Stack>
      <Stats>
        <Stat
          label="Hold a slug"
          value={count(status.holding)}
          note="as the vendor accepted it"
          to={`${path}/people`}
        />
        <Stat label="Settled" value={count(status.settled)} mood="good" to={people('settled')} />
        <Stat
          label="Pending"
          value={count(status.pending)}
          to={people('pending')}
          {...(status.pending > 0 ? { mood: 'wait' as const } : {})}
        />
        <Stat label="Being sent" value={count(status.sending)} to={people('sending')} />
        <Stat
          label="Refused"
          value={count(status.refused)}
          to={people('refused')}
          {...(status.refused > 0 ? { mood: 'bad' as const } : {})}
        />
        <Stat
          label="Over the limit"
          value={count(status.over)}
          note={`more than ${definition.elements.max} elements`}
        />
        <Stat label="Left out" value={count(status.omitted)} note="moves without an identifier" />
      </Stats>
      {status.lastFault !== null && (
        <Notice mood="wait" title="The last fault" role="status">
          {status.lastFault.message} (<When at={status.lastFault.at} />)
        </Notice>
      )}
      {status.walking && (
        <Notice title="Not everybody yet">The present definition is still being applied to everybody.</Notice>
      )}
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <section className="tw-card" aria-label="What it does">
          <Facts
            label="What it does"
            facts={[
              ['Audiences', definition.audiences.map(nameOf).join(', ')],
              ['Attribute', attributeOf(definition)],
              ['Tells', MOVES[definition.moves]],
              ['Existing users', definition.existingUsers ? 'exported, too' : 'left as they are'],
              [
                'Found by',
                [
                  identifiers.externalIdField && `external id (${identifiers.externalIdField})`,
                  identifiers.brazeIdField && `Braze id (${identifiers.brazeIdField})`,
                  identifiers.aliasField && `alias ${identifiers.aliasLabel} (${identifiers.aliasField})`,
                ]
                  .filter(Boolean)
                  .join(', then '),
              ],
              ['Contact', definition.contactEmail],
            ]}
          />
        </section>
        <section className="tw-card" aria-label="How it goes">
          <Facts
            label="How it goes"
            facts={[
              ['State since', <When key="since" at={of.stateSince} exact />],
              ['Started', <When key="started" at={of.startedAt} exact />],
              ['Vendor', GATES[status.gate]],
              ['Requests', `${count(status.requests)} since this process started`],
              ['Batches', `${count(definition.batchMax)} people, or after ${duration(definition.waitMs)}`],
              ['Backfill', `${count(definition.backfillPerMinute)} requests a minute`],
              ['Version', of.version],
            ]}
          />
        </section>
      </SimpleGrid>
    </Stack>
  )
}

const GATES: Readonly<Record<ExportWholeAnswer['status']['gate'], string>> = {
  open: 'takes requests',
  closed: 'not asked for now: it refused or did not answer',
  'half-open': 'tried with one request',
  off: 'not asked: the export does not run',
}
