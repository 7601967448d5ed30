/** The lineage of one event, found by its id, or of one record by its place in the log. */

import { Stack, Text } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import type { RecordAnswer } from '../../../api/routes/events.ts'
import { type ApiFailure, at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { count } from '../../elements/words.ts'
import { Lineage } from './lineage.tsx'

interface EventAnswer {
  readonly id: string
  readonly records: readonly RecordAnswer[]
  readonly recordsCut: boolean
}

const UP = { to: '/events', label: 'Events' }
/** What is pending comes to its end while one looks. */
const EVERY_MS = 5_000

export function EventPage() {
  const { id = '' } = useParams({ strict: false })
  const path = at`/events/${id}`
  const event = useAnswer<EventAnswer>(path, { everyMs: EVERY_MS })
  return (
    <Page
      title={id}
      intro="What became of this event, in every current."
      up={UP}
      calls={[`GET /api/v1${path}`]}
      commands={[`thalweg event show ${id} --mapped`]}
    >
      {isUnknown(event.error) ? (
        <Unknown what={`No kept event has the id ${id}`} />
      ) : (
        <Answer of={event} lines={10}>
          {({ records, recordsCut }) => (
            <Stack gap="xl">
              {records.length > 1 && (
                <Text size="sm">
                  {count(records.length)}
                  {recordsCut ? ' and more' : ''} records have this id: the same event came again after the
                  time for which repeats are recognized.
                </Text>
              )}
              {records.map((record) => (
                <Lineage key={record.offset} record={record} />
              ))}
            </Stack>
          )}
        </Answer>
      )}
    </Page>
  )
}

export function RecordPage() {
  const { offset = '' } = useParams({ strict: false })
  const path = at`/records/${offset}`
  const record = useAnswer<RecordAnswer>(path, { everyMs: EVERY_MS })
  return (
    <Page
      title={`Record ${offset}`}
      intro="What became of this record of the log, in every current."
      up={UP}
      calls={[`GET /api/v1${path}`]}
      commands={[`thalweg event show --offset ${offset} --mapped`]}
    >
      {isUnknown(record.error) ? (
        <Unknown what={`The log has no record at offset ${offset}`} />
      ) : (
        <Answer of={record} lines={10}>
          {(one) => <Lineage record={one} />}
        </Answer>
      )}
    </Page>
  )
}

function isUnknown(error: ApiFailure | null): boolean {
  return error !== null && (error.status === 404 || error.status === 410)
}

function Unknown({ what }: { what: string }) {
  return (
    <section className="tw-card">
      <Empty title={what}>
        It never arrived here, or retention has removed it since. An id is compared letter by letter, as the
        sender wrote it.
      </Empty>
    </section>
  )
}
