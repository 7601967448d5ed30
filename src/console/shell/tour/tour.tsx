/**
 * The tour: a strip at the foot of whatever page one is on, so that it hides neither the right nor the left of what it tells of. It can be put
 * away and called again where it was.
 */

import { ActionIcon, Button, CloseButton, Group, Progress, Text, Tooltip } from '@mantine/core'
import { Link, useRouterState } from '@tanstack/react-router'
import { Compass } from 'lucide-react'
import { type RefObject, useEffect, useRef, useState } from 'react'
import type { LetterCountsAnswer } from '../../../api/routes/dead-letters.ts'
import type { ListedRunAnswer } from '../../../api/routes/run-views.ts'
import type { DoubleAnswer } from '../../../api/routes/sandbox.ts'
import type { SessionAnswer } from '../../../api/routes/session.ts'
import { at } from '../../api/client.ts'
import { useLive } from '../../api/live.ts'
import { askAnew, useAnswer } from '../../api/queries.ts'
import { tallyOf } from '../../pages/sandbox/double-words.ts'
import { STEPS, TOUR_ACTIVATION, TOUR_CURRENT, TOUR_RECEIVER, type TourFacts } from './steps.ts'
import classes from './tour.module.css'

const KEPT_AS = 'thalweg-tour'
const EVERY_MS = 2_000

interface Stand {
  readonly step: number
  readonly isAway: boolean
}

export interface Tour extends Stand {
  readonly button: RefObject<HTMLButtonElement | null>
  readonly go: (to: Partial<Stand>) => void
}

/** What the browser remembers, as in "3" or "away 3". */
function remembered(): Stand {
  const text = localStorage.getItem(KEPT_AS) ?? ''
  const step = Number(text.replace('away', ''))
  return { step: STEPS[step] === undefined ? 0 : step, isAway: text.startsWith('away') }
}

/** undefined: only the demo has what the tour tells of. */
export function useTour(): Tour | undefined {
  const { data } = useAnswer<SessionAnswer>('/session')
  const [stand, setStand] = useState(remembered)
  const button = useRef<HTMLButtonElement>(null)
  if (data?.demo !== true) return undefined
  const go = (to: Partial<Stand>): void => {
    const next = { ...stand, ...to }
    localStorage.setItem(KEPT_AS, `${next.isAway ? 'away ' : ''}${next.step}`)
    setStand(next)
    // What had the focus is gone with the strip.
    if (next.isAway) button.current?.focus()
  }
  return { ...stand, button, go }
}

export function TourButton({ tour: { isAway, button, go } }: { tour: Tour }) {
  return (
    <Tooltip label={isAway ? 'Call the tour' : 'Put the tour away'}>
      <ActionIcon
        ref={button}
        variant="subtle"
        aria-label="The tour"
        aria-expanded={!isAway}
        onClick={() => go({ isAway: !isAway })}
      >
        <Compass size={18} aria-hidden />
      </ActionIcon>
    </Tooltip>
  )
}

/** Stands before the page, so that by keyboard it is one step back from the page's beginning. */
export function TourStrip({ tour: { step, go } }: { tour: Tour }) {
  const facts = useFacts()
  const { title, words, to, place, isDone, waiting, done: doneWords } = STEPS[step] ?? FIRST
  // Once done it stays done, though one may go elsewhere.
  const [doneStep, setDoneStep] = useState(-1)
  const done = doneStep === step || isDone(facts)
  useEffect(() => {
    if (done) setDoneStep(step)
  }, [done, step])
  const { letters } = facts
  // The list asks less often than we do: when we say that they are there, they should be.
  useEffect(() => {
    if (letters !== undefined && letters > 0) void askAnew(['/dead-letters'])
  }, [letters])
  const strip = useHeightTold()
  const isLast = step === STEPS.length - 1
  const isBelow = facts.path.startsWith(`${to}/`)
  return (
    <aside ref={strip} className={classes.strip} aria-label="The tour">
      <Progress
        value={((step + (done ? 1 : 0)) / STEPS.length) * 100}
        size={4}
        radius={0}
        aria-label="How far the tour is"
      />
      <div className={classes.content}>
        <Group justify="space-between" wrap="nowrap">
          <Group gap="xs">
            <Text size="xs" c="dimmed">
              Tour, {step + 1} of {STEPS.length}
            </Text>
            <Text fw={650}>{title}</Text>
          </Group>
          <CloseButton size="sm" aria-label="Put the tour away" onClick={() => go({ isAway: true })} />
        </Group>
        <Text size="sm" className={classes.words}>
          <Words key={step} text={words} />
        </Text>
        <Group justify="space-between" gap="xs">
          <Text size="sm" className={classes.stand} data-done={done} role="status">
            {done ? doneWords : waiting?.(facts)}
          </Text>
          <Group gap="xs">
            <Button
              variant="default"
              size="compact-sm"
              disabled={step === 0}
              onClick={() => go({ step: step - 1 })}
            >
              Back
            </Button>
            {facts.path !== to && !done && (
              <Button component={Link} to={to} variant={isBelow ? 'default' : 'filled'} size="compact-sm">
                To {place}
              </Button>
            )}
            <Button
              variant={done ? 'filled' : 'default'}
              size="compact-sm"
              onClick={() => go(isLast ? { step: 0, isAway: true } : { step: step + 1 })}
            >
              {isLast ? 'Done' : done ? 'Next' : 'Skip'}
            </Button>
          </Group>
        </Group>
      </div>
    </aside>
  )
}

/** Notices and the end of the page keep above the strip, however high its words make it. */
function useHeightTold(): RefObject<HTMLElement | null> {
  const strip = useRef<HTMLElement>(null)
  useEffect(() => {
    const { style } = document.documentElement
    const told = new ResizeObserver(([entry]) => {
      style.setProperty('--tw-tour-height', `${entry?.target.clientHeight ?? 0}px`)
    })
    if (strip.current !== null) told.observe(strip.current)
    return () => {
      told.disconnect()
      style.removeProperty('--tw-tour-height')
    }
  }, [])
  return strip
}

/** What stands between asterisks is bold. */
function Words({ text }: { text: string }) {
  return text.split('*').map((part, i) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: a part stays where it is, and may say what another one says
    i % 2 === 0 ? part : <b key={i}>{part}</b>,
  )
}

const [FIRST] = STEPS as readonly [(typeof STEPS)[number]]

function useFacts(): TourFacts {
  const path = useRouterState({ select: ({ location }) => location.pathname })
  const letters = useAnswer<LetterCountsAnswer>('/dead-letters/counts', { everyMs: EVERY_MS }).data?.states
  const runs =
    useAnswer<{ runs: ListedRunAnswer[] }>(at`/activations/${TOUR_ACTIVATION}/runs`, {
      query: { limit: 20 },
      everyMs: EVERY_MS,
    }).data?.runs ?? []
  const receiver = useAnswer<DoubleAnswer>(at`/sandbox/${TOUR_RECEIVER}`, { everyMs: EVERY_MS }).data
  const { faults, answers } = receiver === undefined ? NOTHING_YET : tallyOf(receiver)
  const ended = runs.filter(({ finishedAt }) => finishedAt !== null)
  return {
    path,
    openLetters: letters?.dead,
    letters: letters && Object.values(letters).reduce((sum, some) => sum + some, 0),
    webhook: useLive().status?.currents.find(({ name }) => name === TOUR_CURRENT)?.state,
    receiverRefuses: faults.length > 0,
    receiverRefused: answers['401'] !== undefined,
    dryRuns: ended.filter(({ dry }) => dry).length,
    realRuns: ended.filter(({ dry }) => !dry).length,
    isRunning: ended.length < runs.length,
  }
}

const NOTHING_YET: Pick<ReturnType<typeof tallyOf>, 'faults' | 'answers'> = { faults: [], answers: {} }
