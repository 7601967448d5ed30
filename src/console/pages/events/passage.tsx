/** The way of one record through one current: selection, mapping, batch, attempts, outcome. */

import { Anchor, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { pretty } from '../../elements/json-text.ts'
import { JsonView } from '../../elements/json-view.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, duration } from '../../elements/words.ts'
import classes from './lineage.module.css'
import { Step } from './lineage.tsx'
import { fateSentence, OUTCOME_WORDS, type Passage, selectionWords } from './lineage-words.ts'

export interface PassageCardProps {
  readonly passage: Passage
  readonly raw: string
  readonly quarantined: boolean
}

export function PassageCard({ passage, raw, quarantined }: PassageCardProps) {
  const { fate, current, destination } = passage
  const { word, mood } = OUTCOME_WORDS[fate.outcome]
  const isOpen = fate.outcome !== 'out-of-scope' && fate.outcome !== 'filtered'
  return (
    <details className={`tw-card ${classes.passage}`} open={isOpen}>
      <summary>
        <Text fw={600}>{current}</Text>
        <Text size="sm" c="dimmed">
          to {destination}
        </Text>
        <StateBadge state={word} mood={mood} />
        <Text size="sm">{fateSentence(passage)}</Text>
      </summary>
      <Anchor component={Link} to={`/currents/${encodeURIComponent(current)}`} size="sm">
        Open the current
      </Anchor>
      <ol className={classes.steps}>
        <Selected passage={passage} quarantined={quarantined} />
        {passage.mapped !== null && <Mapped passage={passage} raw={raw} />}
        {fate.outcome === 'delivered' && <Sent batch={fate.batch} />}
        {fate.outcome === 'dead' && fate.batch !== undefined && <Sent batch={fate.batch} />}
        <Attempts passage={passage} />
        <Ending passage={passage} />
        {passage.replays.map((batch) => (
          <Step key={batch.id} name={`Replay ${batch.replay}`} mood="calm">
            <Text size="sm">
              Sent again <When at={batch.settledAt} exact /> in batch <code>{batch.id}</code>, status{' '}
              {batch.status}
            </Text>
          </Step>
        ))}
      </ol>
    </details>
  )
}

function Selected({ passage, quarantined }: { passage: Passage; quarantined: boolean }) {
  const { fate } = passage
  const passed = fate.outcome !== 'filtered' && fate.outcome !== 'out-of-scope'
  return (
    <Step name="Selection" mood={passed ? 'good' : 'calm'}>
      <Text size="sm">
        {passed
          ? 'It passed'
          : quarantined
            ? 'Quarantined items are never sent'
            : fate.outcome === 'out-of-scope'
              ? 'It was not asked'
              : 'It was held back'}
        . Now: {selectionWords(passage)}
        {'version' in fate ? ` (decided by version ${fate.version})` : ''}
      </Text>
    </Step>
  )
}

function Mapped({ passage: { ruled, mapped }, raw }: { passage: Passage; raw: string }) {
  return (
    <Step name="Mapping" mood="good">
      <Text size="sm" c="dimmed" mb={6}>
        By the present version of the current.
      </Text>
      <div className={classes.sides}>
        <div>
          <Text size="xs" fw={600} mb={4}>
            {ruled === null ? 'Before: as it was received' : 'Before: after the field rules'}
          </Text>
          <JsonView value={pretty(ruled ?? raw)} label="Before mapping" height="260px" />
        </div>
        <div>
          <Text size="xs" fw={600} mb={4}>
            After: what the destination gets
          </Text>
          <JsonView value={mapped} label="After mapping" height="260px" />
        </div>
      </div>
    </Step>
  )
}

type Batch = Extract<Passage['fate'], { outcome: 'delivered' }>['batch']

function Sent({ batch: { id, count: records, attempts, firstSentAt, settledAt } }: { batch: Batch }) {
  return (
    <Step name="Batch" mood="good">
      <Text size="sm">
        <code>{id}</code>, {count(records)} {records === 1 ? 'record' : 'records'}; first sent{' '}
        <When at={firstSentAt} exact />, settled after {duration(Math.max(0, settledAt - firstSentAt))} and{' '}
        {count(attempts)} {attempts === 1 ? 'attempt' : 'attempts'}
      </Text>
    </Step>
  )
}

function Attempts({ passage: { attempts, fate } }: { passage: Passage }) {
  const batch = 'batch' in fate ? fate.batch : undefined
  if (attempts.length === 0) {
    if (batch === undefined) return null
    return (
      <Step name="Answer" mood={batch.status >= 200 && batch.status < 300 ? 'good' : 'wait'}>
        <Text size="sm">
          Status {batch.status}. The single attempts of older batches are counted, not kept.
        </Text>
      </Step>
    )
  }
  return attempts.map(({ at, status, elapsedMs, fault }, i) => (
    <Step key={at} name={`Attempt ${i + 1}`} mood={fault === null ? 'good' : 'wait'}>
      <Text size="sm">
        <When at={at} exact />: {status === 0 ? 'no answer' : `status ${status}`} after {duration(elapsedMs)}
        {fault === null ? '' : `. ${fault.message}`}
      </Text>
    </Step>
  ))
}

function Ending({ passage }: { passage: Passage }) {
  const { fate } = passage
  const { word, mood } = OUTCOME_WORDS[fate.outcome]
  return (
    <Step name={`Outcome: ${word}`} mood={mood}>
      <Stack gap={6}>
        <Text size="sm">{fateSentence(passage)}</Text>
        {fate.outcome === 'dead' && (
          <>
            <Text size="sm">
              {fate.message}{' '}
              <Anchor component={Link} to={`/dead-letters/${encodeURIComponent(fate.deadLetter)}`} inherit>
                Open the dead letter
              </Anchor>
            </Text>
            {fate.answer !== '' && (
              <JsonView value={pretty(fate.answer)} label="What the vendor answered" height="160px" />
            )}
          </>
        )}
      </Stack>
    </Step>
  )
}
