/** When an activation runs by itself, with the next times of it in words. */

import { Autocomplete, Group, NativeSelect, NumberInput, Radio, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import type { ScheduleAnswer } from '../../../api/routes/activation-previews.ts'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import { type ApiFailure, call } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import type { PartProps } from './activation-form.tsx'
import type { Draft } from './draft.ts'

type Schedule = Draft['schedule']

/** Until the hand rests. */
const REST_MS = 300
const ZONES = Intl.supportedValuesOf('timeZone')
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone

const STARTS: Readonly<Record<Schedule['when'], () => Schedule>> = {
  manual: () => ({ when: 'manual' }),
  once: () => ({ when: 'once', at: new Date(Date.now() + 3_600_000).toISOString() }),
  interval: () => ({ when: 'interval', minutes: 60 }),
  cron: () => ({ when: 'cron', cron: '0 3 * * *', timeZone: HERE }),
  after: () => ({ when: 'after', activation: '' }),
}
const LABELS: Readonly<Record<Schedule['when'], string>> = {
  manual: 'By hand only',
  once: 'Once, at a moment',
  interval: 'Again and again, after some minutes',
  cron: 'By a cron expression, in a time zone',
  after: 'After another activation has succeeded',
}

export function SchedulePart({ draft, change, problems }: PartProps) {
  const { schedule } = draft
  const set = (next: Schedule): void => change({ schedule: next })
  const problem = Object.entries(problems).find(([field]) => field.startsWith('schedule'))?.[1]
  return (
    <Stack gap="sm">
      <Radio.Group
        label="Schedule"
        value={schedule.when}
        onChange={(when) => set(STARTS[when as Schedule['when']]())}
      >
        <Stack gap={6} mt={4}>
          {(Object.keys(LABELS) as Schedule['when'][]).map((when) => (
            <Radio key={when} value={when} label={LABELS[when]} />
          ))}
        </Stack>
      </Radio.Group>
      <Details schedule={schedule} set={set} name={draft.name} />
      {problem !== undefined && (
        <Text size="sm" c="var(--tw-bad)" role="alert">
          {problem}
        </Text>
      )}
      <NextTimes schedule={schedule} />
    </Stack>
  )
}

function Details({
  schedule,
  set,
  name,
}: {
  schedule: Schedule
  set: (schedule: Schedule) => void
  name: string
}) {
  const others = useAnswer<{ activations: ActivationAnswer[] }>('/activations', {
    enabled: schedule.when === 'after',
  })
  switch (schedule.when) {
    case 'manual':
      return null
    case 'once':
      return (
        <TextInput
          label={`Moment, in your time (${HERE})`}
          type="datetime-local"
          w={280}
          value={localText(schedule.at)}
          onChange={({ currentTarget }) => {
            const at = new Date(currentTarget.value)
            if (!Number.isNaN(at.getTime())) set({ when: 'once', at: at.toISOString() })
          }}
        />
      )
    case 'interval':
      return (
        <NumberInput
          label="Minutes from one start to the next"
          w={280}
          min={1}
          max={525_600}
          allowDecimal={false}
          value={schedule.minutes}
          onChange={(minutes) => set({ when: 'interval', minutes: Number(minutes) })}
        />
      )
    case 'cron':
      return (
        <Group align="flex-end">
          <TextInput
            label="Cron expression"
            description="Minute, hour, day of month, month, day of week"
            ff="monospace"
            value={schedule.cron}
            onChange={({ currentTarget }) => set({ ...schedule, cron: currentTarget.value })}
          />
          <Autocomplete
            label="Time zone"
            data={ZONES}
            limit={20}
            value={schedule.timeZone}
            onChange={(timeZone) => set({ ...schedule, timeZone })}
          />
        </Group>
      )
    case 'after':
      return (
        <NativeSelect
          label="Activation that comes first"
          w={320}
          value={schedule.activation}
          data={[
            '',
            ...(others.data?.activations ?? []).map((one) => one.name).filter((one) => one !== name),
          ]}
          onChange={({ currentTarget }) => set({ when: 'after', activation: currentTarget.value })}
        />
      )
  }
}

function NextTimes({ schedule }: { schedule: Schedule }) {
  const [asked] = useDebouncedValue(schedule, REST_MS)
  const isTimed = asked.when === 'once' || asked.when === 'interval' || asked.when === 'cron'
  const times = useQuery<ScheduleAnswer, ApiFailure>({
    queryKey: ['/activations/schedule', asked],
    queryFn: ({ signal }) =>
      call<ScheduleAnswer>('POST', '/activations/schedule', { body: { schedule: asked }, signal }),
    enabled: isTimed,
    retry: false,
  })
  if (!isTimed) return null
  if (times.error !== null)
    return (
      <Text size="sm" c="var(--tw-bad)" role="alert">
        {reasonOf(times.error)}
      </Text>
    )
  const zone = asked.when === 'cron' ? asked.timeZone : HERE
  return (
    <div aria-live="polite">
      <Text size="sm" fw={600}>
        It would run at ({zone})
      </Text>
      <ul style={{ margin: 0 }}>
        {(times.data?.next ?? []).map((at) => (
          <Text key={at} component="li" size="sm" className="tw-number">
            {inZone(at, zone)}
          </Text>
        ))}
      </ul>
      {times.data?.next.length === 0 && <Text size="sm">Never: that moment has passed.</Text>}
    </div>
  )
}

/** Monday, 30 November 2026 at 03:00 */
function inZone(at: number, timeZone: string): string {
  const options = { dateStyle: 'full', timeStyle: 'short' } as const
  try {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone }).format(at)
  } catch {
    // The browser knows fewer zones than the hub, or this one is being typed.
    return new Intl.DateTimeFormat('en-GB', options).format(at)
  }
}

/** Of the field that does not fit, rather than that one does not. */
function reasonOf({ details, message }: ApiFailure): string {
  const [first] = Array.isArray(details) ? (details as { problem?: string }[]) : []
  return first?.problem ?? message
}

/** As an input of type datetime-local has it. */
function localText(iso: string): string {
  const at = new Date(iso)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
