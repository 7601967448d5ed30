/** What a current does: the funnel from accepted to delivered, its rates of these minutes, and how it stands. */

import { NativeSelect, SimpleGrid, Stack } from '@mantine/core'
import type { LedgerTimesAnswer } from '../../../../api/routes/current-state.ts'
import { at } from '../../../api/client.ts'
import { type LiveStatus, rateOf, ratesOf, useLive } from '../../../api/live.ts'
import { useAnswer } from '../../../api/queries.ts'
import { Chart } from '../../../elements/chart.tsx'
import { useFilters } from '../../../elements/filters.tsx'
import { Part } from '../../../elements/part.tsx'
import { Stat, Stats } from '../../../elements/stat.tsx'
import { When } from '../../../elements/when.tsx'
import { bytes, count, duration, rate } from '../../../elements/words.ts'
import { currentPlace, deadLettersPlace } from '../places.ts'
import { type LiveCurrent, nowOf, reasonWords } from '../trouble.ts'
import type { TabProps } from './current-page.tsx'
import { Funnel } from './funnel.tsx'
import { useLedger } from './ledger-data.ts'
import classes from './overview-tab.module.css'

const WINDOWS = [
  { value: '60', label: 'last hour' },
  { value: '1440', label: 'last 24 hours' },
  { value: '10080', label: 'last 7 days' },
  { value: '0', label: 'all that the ledger has' },
]
const DAY_MINUTES = 1_440
const HOUR_MS = 3_600_000

export default function OverviewTab({ current, live }: TabProps) {
  const [{ minutes: said }, change] = useFilters<{ minutes?: number }>()
  const minutes = Number(said ?? DAY_MINUTES)
  return (
    <Stack gap="md">
      <Numbers current={current} live={live} />
      <section className="tw-card" aria-label="What became of the events">
        <NativeSelect
          size="xs"
          w={190}
          aria-label="Accepted within"
          data={WINDOWS}
          value={String(minutes)}
          onChange={({ currentTarget }) => change({ minutes: Number(currentTarget.value) })}
        />
        <div className={classes.water}>
          <Water current={current} live={live} minutes={minutes} />
        </div>
      </section>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Rates number={current.number} />
        <Hours current={current} />
      </SimpleGrid>
    </Stack>
  )
}

function countOf(
  number: number,
  of: (one: LiveCurrent) => number,
): (status: LiveStatus) => number | undefined {
  return ({ currents }) => {
    const found = currents.find((one) => one.number === number)
    return found === undefined ? undefined : of(found)
  }
}

function Numbers({ current, live }: TabProps) {
  const { samples } = useLive()
  const { pending, lagMs } = nowOf(current, live)
  const { status } = current
  const perSecond = rateOf(
    samples,
    countOf(current.number, ({ delivered }) => delivered),
  )
  const place = currentPlace(current)
  return (
    <Stats>
      <Stat
        label="Delivering"
        value={rate(perSecond)}
        note={`${count(status.sinceStart.requests)} requests since the start`}
        to={`${place}/live`}
      />
      <Stat
        label="Oldest unsent"
        value={pending === 0 ? 'none' : duration(lagMs)}
        note={pending === 0 ? 'all that came is settled' : `${count(pending)} wait`}
        to={`${place}/ledger`}
        {...(pending > 0 && lagMs > 60_000 ? { mood: 'wait' as const } : {})}
      />
      <Stat
        label="Last accepted"
        value={<When at={status.lastAcceptedAt} />}
        note="by the destination"
        to={`${place}/live`}
      />
      <Stat
        label="Traffic"
        value={bytes(status.sinceStart.bytes)}
        note={answersOf(status.sinceStart.answers)}
        to={`${place}/live`}
      />
    </Stats>
  )
}

function answersOf(answers: Readonly<Record<string, number>>): string {
  const words = Object.entries(answers).map(
    ([status, n]) => `${count(n)} × ${status === '0' ? 'no answer' : status}`,
  )
  return words.length === 0 ? 'no request since the start' : words.join(', ')
}

function Water({ current, live, minutes }: TabProps & { minutes: number }) {
  const { samples } = useLive()
  const totals = useLedger(current.number, minutes).data?.totals ?? []
  const { pending } = nowOf(current, live)
  const sum = (outcome: string): number =>
    totals.reduce((total, row) => total + (row.outcome === outcome ? row.count : 0), 0)
  const [delivered, filtered, dead] = [sum('delivered'), sum('filtered'), sum('dead')]
  const perSecond = (of: (one: LiveCurrent) => number): number => rateOf(samples, countOf(current.number, of))
  const rates = {
    delivered: perSecond((one) => one.delivered),
    filtered: perSecond((one) => one.filtered),
    dead: perSecond((one) => one.dead),
    // What came in is what was settled and what waits now more than before.
    accepted: perSecond((one) => one.delivered + one.filtered + one.dead + one.pending),
  }
  const sent = rates.delivered + rates.dead
  const { batchesUnderWay } = current.status
  const place = currentPlace(current)
  return (
    <Funnel
      counts={{
        accepted: delivered + filtered + dead + pending,
        sent: delivered + dead,
        delivered,
        filtered,
        dead,
        pending,
      }}
      rates={{
        accepted: rate(rates.accepted),
        sent: rate(sent),
        delivered: rate(rates.delivered),
        filtered: rate(rates.filtered),
      }}
      moving={{
        sent: sent > 0,
        delivered: rates.delivered > 0,
        filtered: rates.filtered > 0,
        dead: rates.dead > 0,
      }}
      to={{
        accepted: `${place}/ledger`,
        sent: `${place}/live`,
        delivered: `${place}/live?selected=true`,
        filtered: `${place}/selection`,
        dead: deadLettersPlace(current.name),
        pending: `${place}/ledger`,
      }}
      notes={{
        filtered: totals
          .filter(({ outcome }) => outcome === 'filtered')
          .sort((a, b) => b.count - a.count)
          .slice(0, 3)
          .map(({ reason, count: n }) => (
            <div key={reason}>
              {count(n)} {reasonWords(reason)}
            </div>
          )),
        pending: `${count(batchesUnderWay)} ${batchesUnderWay === 1 ? 'batch' : 'batches'} under way`,
      }}
    />
  )
}

function Rates({ number }: { number: number }) {
  const { samples } = useLive()
  return (
    <Part title="Events per second">
      <Chart
        label="Events per second"
        times={samples.map((sample) => sample.at)}
        write={rate}
        series={[
          {
            label: 'Delivered',
            colour: 1,
            values: ratesOf(
              samples,
              countOf(number, (one) => one.delivered),
            ),
          },
          {
            label: 'Filtered',
            colour: 3,
            values: ratesOf(
              samples,
              countOf(number, (one) => one.filtered),
            ),
            dashed: true,
          },
          {
            label: 'Dead',
            colour: 4,
            values: ratesOf(
              samples,
              countOf(number, (one) => one.dead),
            ),
          },
        ]}
      />
    </Part>
  )
}

/** A day by minutes while the current is young, else by hours. */
function Hours({ current }: { current: TabProps['current'] }) {
  const young = current.launchedAt === null || Date.now() - current.launchedAt < 3 * HOUR_MS
  const { data } = useAnswer<LedgerTimesAnswer>(at`/currents/${current.number}/ledger/times`, {
    query: { step: young ? 'minute' : 'hour' },
    everyMs: 10_000,
  })
  const times = (data?.times ?? []).slice(-120)
  return (
    <Part title={`By ${young ? 'minute' : 'hour'} of acceptance`}>
      <Chart
        label={`Events by ${young ? 'minute' : 'hour'} of acceptance`}
        times={times.map((row) => row.at)}
        write={(n) => count(Math.round(n))}
        series={[
          { label: 'Accepted', colour: 2, values: times.map(({ accepted }) => accepted), dashed: true },
          { label: 'Delivered', colour: 1, values: times.map(({ delivered }) => delivered) },
          { label: 'Dead', colour: 4, values: times.map(({ dead }) => dead) },
        ]}
      />
    </Part>
  )
}
