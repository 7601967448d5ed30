/** A window of kept events sent again through a current: what that would do, first; then its progress. */

import { Button, Group, Progress, Stack, TagsInput, Text, TextInput, Title } from '@mantine/core'
import { useState } from 'react'
import type { ReplayAnswer, ReplayPreviewAnswer } from '../../../../api/routes/replays.ts'
import { at, call } from '../../../api/client.ts'
import { askAnew, useAnswer, useChange } from '../../../api/queries.ts'
import { Answer, FailureNote } from '../../../elements/answer.tsx'
import { ConfirmButton } from '../../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../../elements/data-table.tsx'
import { Empty } from '../../../elements/empty.tsx'
import { Notice } from '../../../elements/notice.tsx'
import { told } from '../../../elements/notices.ts'
import { problemsOf } from '../../../elements/schema-form.tsx'
import { Stat, Stats } from '../../../elements/stat.tsx'
import { StateBadge } from '../../../elements/state-badge.tsx'
import { When } from '../../../elements/when.tsx'
import { count, share } from '../../../elements/words.ts'
import { localText } from '../local-time.ts'
import type { TabProps } from './current-page.tsx'

interface Window {
  readonly fromMs: number
  readonly toMs: number
  readonly types: readonly string[]
}

const HOUR_MS = 3_600_000
const READY = [
  { label: 'Last hour', ms: HOUR_MS },
  { label: 'Last 24 hours', ms: 24 * HOUR_MS },
  { label: 'Last 7 days', ms: 168 * HOUR_MS },
]

export default function ReplayTab({ current }: TabProps) {
  const { number } = current
  const [window, setWindow] = useState<Window>(() => ({
    fromMs: Date.now() - HOUR_MS,
    toMs: Date.now(),
    types: [],
  }))
  const previewing = useChange<Window, ReplayPreviewAnswer>({
    method: 'POST',
    path: () => at`/currents/${number}/replays/preview`,
    body: (asked) => asked,
    changes: [],
  })
  const change = (part: Partial<Window>): void => {
    previewing.reset()
    setWindow({ ...window, ...part })
  }
  return (
    <Stack gap="lg">
      <Stack gap="sm">
        <Text size="sm" c="dimmed" maw={720}>
          A replay sends kept events again, beside the live flow and as the current is configured now. It does
          not touch the books: those count each accepted event once.
        </Text>
        <Choose
          window={window}
          change={change}
          problems={problemsOf((previewing.error as { details?: unknown } | null)?.details)}
        />
        <Group>
          <Button variant="default" loading={previewing.isPending} onClick={() => previewing.mutate(window)}>
            Preview
          </Button>
        </Group>
        {previewing.error !== null && <FailureNote error={previewing.error} />}
        {previewing.data !== undefined && (
          <Preview preview={previewing.data} current={current} window={window} done={previewing.reset} />
        )}
      </Stack>
      <Replays number={number} />
    </Stack>
  )
}

interface ChooseProps {
  readonly window: Window
  readonly change: (part: Partial<Window>) => void
  readonly problems: Readonly<Record<string, string>>
}

function Choose({ window: { fromMs, toMs, types }, change, problems }: ChooseProps) {
  const read = (text: string, set: (ms: number) => void): void => {
    const ms = new Date(text).getTime()
    if (!Number.isNaN(ms)) set(ms)
  }
  return (
    <Group align="flex-end" gap="sm">
      <TextInput
        type="datetime-local"
        size="xs"
        step={1}
        label="Accepted since"
        error={problems.fromMs}
        value={localText(fromMs)}
        onChange={({ currentTarget }) => read(currentTarget.value, (ms) => change({ fromMs: ms }))}
      />
      <TextInput
        type="datetime-local"
        size="xs"
        step={1}
        label="and before"
        error={problems.toMs}
        value={localText(toMs)}
        onChange={({ currentTarget }) => read(currentTarget.value, (ms) => change({ toMs: ms }))}
      />
      <TagsInput
        size="xs"
        miw={260}
        label="Event types"
        placeholder={types.length === 0 ? 'All that the current selects' : ''}
        value={[...types]}
        onChange={(next) => change({ types: next })}
      />
      <Group gap="xs">
        {READY.map(({ label, ms }) => (
          <Button
            key={label}
            size="xs"
            variant="default"
            onClick={() => {
              const now = Date.now()
              change({ fromMs: now - ms, toMs: now })
            }}
          >
            {label}
          </Button>
        ))}
      </Group>
    </Group>
  )
}

interface PreviewProps {
  readonly preview: ReplayPreviewAnswer
  readonly current: TabProps['current']
  readonly window: Window
  readonly done: () => void
}

function Preview({ preview, current, window, done }: PreviewProps) {
  const { records, selected, alreadySettled, pending, beforeLaunch, outOfOrder, byType } = preview
  const start = async (): Promise<void> => {
    const replay = await call<ReplayAnswer>('POST', at`/currents/${current.number}/replays`, { body: window })
    await askAnew([at`/currents/${current.number}/replays`])
    told(`The replay is ${replay.state}`)
    done()
  }
  return (
    <section className="tw-card" aria-label="What the replay would do">
      <Stack gap="sm">
        <Stats>
          <Stat label="Would be sent" value={count(selected)} note={`of ${count(records)} in the window`} />
          <Stat label="New to the destination" value={count(beforeLaunch)} note="from before the launch" />
          <Stat
            label="Delivered already"
            value={count(alreadySettled)}
            note="may arrive twice"
            {...(alreadySettled > 0 ? { mood: 'wait' as const } : {})}
          />
          <Stat label="Pending" value={count(pending)} note="the live flow sends them too" />
        </Stats>
        {outOfOrder && (
          <Notice mood="wait" title="Out of order">
            They would arrive after newer ones.
          </Notice>
        )}
        <Text size="sm">
          {byType
            .slice(0, 8)
            .map(({ type, count: n }) => `${count(n)} ${type}`)
            .join(' · ')}
          {byType.length > 8 && ` · ${count(byType.length - 8)} more types`}
        </Text>
        <Group>
          <ConfirmButton label="Start the replay" disabled={selected === 0} onConfirm={start}>
            <Text size="sm">
              {count(selected)} events are sent to the destination of {current.name}, {count(alreadySettled)}{' '}
              of them for the second time. It can be paused and cancelled; what was sent stays sent.
            </Text>
          </ConfirmButton>
        </Group>
      </Stack>
    </section>
  )
}

function Replays({ number }: { number: number }) {
  const path = at`/currents/${number}/replays`
  const answer = useAnswer<{ replays: ReplayAnswer[] }>(path, { everyMs: 1_000 })
  const columns = useColumns(path)
  return (
    <Stack gap="xs">
      <Title order={2}>Replays</Title>
      <Answer of={answer}>
        {({ replays }) => (
          <DataTable
            label="Replays"
            rows={replays}
            columns={columns}
            rowKey={({ id }) => id}
            height="420px"
            empty={<Empty title="No replay yet">Preview a window above, then start it.</Empty>}
          />
        )}
      </Answer>
    </Stack>
  )
}

function useColumns(path: string): readonly Column<ReplayAnswer>[] {
  return [
    { id: 'created', header: 'Started', cell: ({ createdAt }) => <When at={createdAt} /> },
    {
      id: 'state',
      header: 'State',
      cell: ({ state, reason }) => (
        <StateBadge state={state} title={reason} mood={state === 'finished' ? 'good' : undefined} />
      ),
    },
    {
      id: 'progress',
      header: 'Progress',
      width: 160,
      cell: (replay) => <Done replay={replay} />,
    },
    { id: 'delivered', header: 'Delivered', align: 'right', cell: ({ delivered }) => count(delivered) },
    { id: 'dead', header: 'Dead', align: 'right', cell: ({ dead }) => count(dead) },
    { id: 'skipped', header: 'Left out', align: 'right', cell: ({ skipped }) => count(skipped), spare: true },
    {
      id: 'types',
      header: 'Event types',
      cell: ({ types }) => (types.length === 0 ? 'all' : types.join(', ')),
      spare: true,
    },
    { id: 'actions', header: 'Do', cell: (replay) => <Actions replay={replay} path={path} /> },
  ]
}

function Done({ replay: { fromOffset, toOffset, position, state } }: { replay: ReplayAnswer }) {
  const whole = toOffset - fromOffset
  const done = state === 'finished' ? whole : Math.max(0, position - fromOffset)
  return (
    <Group gap={8} wrap="nowrap">
      <Progress
        value={(done / Math.max(whole, 1)) * 100}
        w={90}
        size={6}
        aria-label="How far the replay is"
      />
      <span className="tw-number">{share(done, whole)}</span>
    </Group>
  )
}

const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  running: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  failed: ['resume', 'cancel'],
}

function Actions({ replay: { id, state, reason }, path }: { replay: ReplayAnswer; path: string }) {
  const acting = useChange<string>({
    method: 'POST',
    path: (action) => `${at`/replays/${id}`}/${action}`,
    changes: [path],
  })
  return (
    <Group gap={6} wrap="nowrap">
      {(ACTIONS[state] ?? []).map((action) => (
        <Button
          key={action}
          size="compact-xs"
          variant="default"
          loading={acting.isPending && acting.variables === action}
          onClick={() => acting.mutate(action)}
        >
          {action === 'pause' ? 'Pause' : action === 'resume' ? 'Resume' : 'Cancel'}
        </Button>
      ))}
      {acting.error !== null && <span role="alert">{acting.error.message}</span>}
      {state === 'failed' && <span title={reason}>{reason}</span>}
    </Group>
  )
}
