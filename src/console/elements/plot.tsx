/** The drawing behind Chart. */

import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import UPlot from 'uplot'
import type { ChartProps } from './chart.tsx'
import classes from './plot.module.css'
import { dateTime } from './words.ts'

/** From which distance between two ticks on what they say; on a line of its own what changes seldom. The first column is in seconds. */
const TIME_WORDS: UPlot.Axis.Values = [
  [31_536_000, '{YYYY}', null, null, null, null, null, null, 1],
  [2_419_200, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [86_400, '{D} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
  [0.001, ':{ss}.{fff}', '\n{D} {MMM} {HH}:{mm}', null, null, null, '\n{HH}:{mm}', null, 1],
]

/** While nobody points at a moment, the legend says the latest values. */
function sayLatest(plot: UPlot): void {
  const last = plot.data[0].length - 1
  if (last >= 0 && (plot.cursor.left ?? -1) < 0) plot.setLegend({ idx: last }, false)
}

export default function Plot({ times, series, write = String, heightPx }: ChartProps & { heightPx: number }) {
  const scheme = useComputedColorScheme('light')
  const { ref: size, width } = useElementSize<HTMLDivElement>()
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot>(undefined)
  const drawn = useRef(false)
  const data = [
    times.map((ms) => ms / 1_000),
    ...series.map(({ values }) => [...values]),
  ] as UPlot.AlignedData
  const latest = useRef(data)
  latest.current = data
  const shape = `${scheme} ${series.map(({ label, colour, dashed }) => `${label}${colour}${dashed}`).join()}`

  // biome-ignore lint/correctness/useExhaustiveDependencies: drawn anew when the colours or the series change; values are brought to it below
  useEffect(() => {
    if (place.current === null || width === 0) return
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string): string => style.getPropertyValue(name).trim()
    const axis = {
      stroke: colour('--mantine-color-dimmed'),
      grid: { stroke: colour('--tw-line'), width: 1 },
      ticks: { show: false },
    }
    const made = new UPlot(
      {
        width,
        height: heightPx,
        cursor: { drag: { x: false, y: false } },
        axes: [
          { ...axis, values: TIME_WORDS, space: 80 },
          { ...axis, size: 62, values: (_plot, values) => values.map(write) },
        ],
        hooks: { ready: [sayLatest], setData: [sayLatest], setLegend: [sayLatest] },
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, 1)] } },
        series: [
          {
            label: 'Time',
            value: (_plot: UPlot, seconds: number | null | undefined) =>
              seconds === null || seconds === undefined ? '–' : dateTime(seconds * 1_000),
          },
          ...series.map(({ label, colour: number, dashed }) => ({
            label,
            stroke: colour(`--tw-series-${number}`),
            width: 2,
            ...(dashed === true ? { dash: [6, 4] } : {}),
            value: (_plot: UPlot, value: number | null) =>
              value === null || value === undefined ? '–' : write(value),
            points: { show: false },
          })),
        ],
      },
      latest.current,
      place.current,
    )
    plot.current = made
    drawn.current = true
    return () => made.destroy()
  }, [shape, width === 0, heightPx])

  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height: heightPx })
  }, [width, heightPx])

  useEffect(() => {
    if (drawn.current) plot.current?.setData(latest.current)
  })

  return (
    <div ref={size} className={classes.frame}>
      <div ref={place} />
    </div>
  )
}
