/** Where a run comes from and goes to, who asked for it, by which version, and when. */

import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { at } from '../../api/client.ts'
import { When } from '../../elements/when.tsx'
import { duration } from '../../elements/words.ts'
import { destinationText } from './destination-text.ts'
import classes from './run-head.module.css'
import { isOpen, triggerText } from './run-words.ts'

export interface RunHeadProps {
  readonly run: RunAnswer
  readonly activation: ActivationAnswer | undefined
  readonly nowMs: number
}

export function RunHead({ run, activation, nowMs }: RunHeadProps) {
  const path = at`/activations/${activation?.name ?? run.activation}`
  const end = run.finishedAt ?? (run.state === 'held' ? run.updatedAt : nowMs)
  const retried = run.retryOf === null ? '' : ` of run ${run.retryOf}`
  return (
    <dl className={`tw-card ${classes.head}`} aria-label="About the run">
      <Fact name="From">
        <Anchor component={Link} to={path} inherit>
          {activation?.name ?? run.activation}
        </Anchor>
      </Fact>
      <Fact name="To">{activation === undefined ? '…' : destinationText(activation.definition)}</Fact>
      <Fact name="Trigger">
        {triggerText(run.trigger)}
        {retried}
      </Fact>
      <Fact name="Who">{run.by === '' ? '–' : run.by}</Fact>
      <Fact name="Configuration">
        <Anchor component={Link} to={`${path}/versions`} inherit>
          Version {run.version}
        </Anchor>
      </Fact>
      <Fact name="Started">
        <When at={run.createdAt} exact />
      </Fact>
      <Fact name={run.finishedAt !== null ? 'Took' : isOpen(run) ? 'Running for' : 'Worked for'}>
        {duration(Math.max(0, end - run.createdAt))}
      </Fact>
      <Fact name="Next run">
        {activation?.nextRunAt === null ? activation.schedule : <When at={activation?.nextRunAt} exact />}
      </Fact>
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
