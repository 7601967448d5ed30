/** The phases of a run in their order: which are done and how long they took, which one is under way and how far. */

import { Check, CircleDashed, LoaderCircle } from 'lucide-react'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { count, counted, duration } from '../../elements/words.ts'
import classes from './phase-strip.module.css'
import { isOpen, PHASES, type Phase } from './run-words.ts'

export function PhaseStrip({ run, nowMs }: { run: RunAnswer; nowMs: number }) {
  return (
    <ol className={classes.strip} aria-label="Phases">
      {PHASES.map(({ name, label, about }) => {
        const time = run.report.phases[name]
        const stage =
          time === undefined
            ? 'ahead'
            : time.finishedAt === undefined && run.phase === name && isOpen(run)
              ? 'under way'
              : 'done'
        const took = time === undefined ? undefined : (time.finishedAt ?? endOf(run, nowMs)) - time.startedAt
        return (
          <li key={name} className={classes.phase} data-stage={stage}>
            <span className={classes.label}>
              {stage === 'done' && <Check size={14} aria-hidden />}
              {stage === 'under way' && <LoaderCircle size={14} aria-hidden />}
              {stage === 'ahead' && <CircleDashed size={14} aria-hidden />}
              {label}
            </span>
            <span className={classes.figure}>
              {took === undefined ? '–' : duration(Math.max(0, took))}
              {figureOf(name, run, stage)}
            </span>
            {stage !== 'done' && <span className={classes.about}>{about}</span>}
          </li>
        )
      })}
    </ol>
  )
}

function endOf(run: RunAnswer, nowMs: number): number {
  return run.finishedAt ?? (run.state === 'held' ? run.updatedAt : nowMs)
}

function figureOf(phase: Phase, { report }: RunAnswer, stage: string): string {
  if (stage === 'ahead') return ''
  switch (phase) {
    case 'query':
      return ` · ${counted(report.rows, 'row')}`
    case 'diff':
      return ` · ${counted(report.added + report.removed + report.affirmed, 'change')}`
    case 'send':
      return ` · ${count(report.appended)} sent`
    case 'settle':
      return ''
    case 'verify':
      return ` · ${count(report.accepted)} accepted`
  }
}
