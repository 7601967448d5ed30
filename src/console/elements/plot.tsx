/** The drawing behind Chart. */

import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import UPlot from 'uplot'
import type { ChartProps } from './chart.tsx'
import classes from './plot.module.css'

export default function Plot({ times, series, write = String, heightPx = 200 }: ChartProps) {
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
        axes: [axis, { ...axis, size: 62, values: (_plot, values) => values.map(write) }],
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, 1)] } },
        series: [
          {},
          ...series.map(({ label, colour: number, dashed }) => ({
            label,
            stroke: colour(`--tw-series-${number}`),
            width: 2,
            ...(dashed === true ? { dash: [6, 4] } : {}),
            value: (_plot: UPlot, value: number | null) => (value === null ? '–' : write(value)),
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
