/** Where the people go: the kind of destination with what it costs, its settings, and the authorization. */

import { Anchor, NativeSelect, Radio, Stack, Text, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AuthorizationAnswer } from '../../../api/routes/authorizations.ts'
import type { DestinationAnswer } from '../../../api/routes/destinations.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { below, type JsonSchema, SchemaForm } from '../../elements/schema-form.tsx'
import { count, duration } from '../../elements/words.ts'
import type { PartProps } from './activation-form.tsx'

export function DestinationPart({ draft, change, problems }: PartProps) {
  const destinations = useAnswer<{ destinations: DestinationAnswer[] }>('/destinations')
  return (
    <Answer of={destinations} lines={5}>
      {({ destinations: all }) => {
        const kinds = all.filter(({ takesMemberships }) => takesMemberships)
        const chosen = kinds.find(({ name }) => name === draft.kind)
        return (
          <Stack gap="sm">
            <Radio.Group
              label="Destination"
              value={draft.kind}
              onChange={(kind) => change({ kind, settings: {}, authorization: '' })}
            >
              <Stack gap="xs" mt={4}>
                {kinds.map((kind) => (
                  <Radio
                    key={kind.name}
                    value={kind.name}
                    label={kind.title}
                    description={`${kind.description} ${tariffText(kind)}`}
                  />
                ))}
              </Stack>
            </Radio.Group>
            <Authorization
              provider={draft.kind}
              value={draft.authorization}
              error={problems['destination.authorization']}
              change={(authorization) => change({ authorization })}
            />
            {chosen !== undefined && (
              <SchemaForm
                key={chosen.name}
                schema={chosen.settings as JsonSchema}
                value={draft.settings}
                onChange={(settings) => change({ settings })}
                problems={below(problems, 'destination.settings')}
              />
            )}
            <TextInput
              label="Cohort name"
              description="As the segment filter in Braze shows it. Empty: the cohort id."
              placeholder={typeof draft.settings.cohortId === 'string' ? draft.settings.cohortId : undefined}
              value={draft.cohortName}
              error={problems.cohortName}
              onChange={({ currentTarget }) => change({ cohortName: currentTarget.value })}
            />
          </Stack>
        )
      }}
    </Answer>
  )
}

/** What changes cost, in a sentence. */
export function tariffText({ tariff }: Pick<DestinationAnswer, 'tariff'>): string {
  if (tariff === null) return ''
  const { changesPerRequest, dataPointsPerChange, requests, windowMs } = tariff
  const points =
    dataPointsPerChange === 0
      ? 'no data points'
      : `${count(dataPointsPerChange)} data point${dataPointsPerChange === 1 ? '' : 's'} a change`
  return `Costs ${points}; at most ${count(changesPerRequest)} changes a request and ${count(requests)} requests in ${duration(windowMs)}.`
}

export function Authorization({
  provider,
  value,
  error,
  change,
}: {
  provider: string
  value: string
  error: string | undefined
  change: (id: string) => void
}) {
  const answer = useAnswer<{ authorizations: AuthorizationAnswer[] }>('/authorizations')
  const fitting = (answer.data?.authorizations ?? []).filter((one) => one.provider === provider)
  return (
    <div>
      <NativeSelect
        label="Authorization"
        description="The credentials that the destination is written with."
        required
        value={value}
        error={error}
        data={[
          { value: '', label: fitting.length === 0 ? 'There is none yet' : 'Choose one' },
          ...fitting.map(({ id, label }) => ({ value: id, label })),
        ]}
        onChange={({ currentTarget }) => change(currentTarget.value)}
      />
      {answer.data !== undefined && fitting.length === 0 && (
        <Text size="sm">
          <Anchor component={Link} to="/authorizations" size="sm">
            Make an authorization
          </Anchor>{' '}
          for {provider} first.
        </Text>
      )}
    </div>
  )
}
