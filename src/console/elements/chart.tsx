/** Lines over time. uPlot is loaded when the first one is drawn; those who cannot see it get the last values in words. */

import { lazy, Suspense } from 'react'
import { Waiting } from './answer.tsx'

export interface Series {
  readonly label: string
  /** One value for each time; null: a gap. */
  readonly values: readonly (number | null)[]
  /** 1 to 4: a colour of the theme. */
  readonly colour: 1 | 2 | 3 | 4
  readonly dashed?: boolean
}

export interface ChartProps {
  readonly label: string
  /** Milliseconds since the Unix epoch, ascending. */
  readonly times: readonly number[]
  readonly series: readonly Series[]
  /** How a value is written. */
  readonly write?: (value: number) => string
  readonly heightPx?: number
}

const HEIGHT_PX = 200

const Plot = lazy(() => import('./plot.tsx'))

export function Chart(props: ChartProps) {
  const { label, series, write = String, heightPx = HEIGHT_PX } = props
  const words = series.map(({ label: name, values }) => {
    const last = values.findLast((value) => value !== null)
    return `${name}: ${last === undefined || last === null ? 'none' : write(last)}`
  })
  return (
    <figure
      style={{ margin: 0, minHeight: heightPx }}
      aria-label={`${label}. Latest values: ${words.join(', ')}`}
    >
      <Suspense fallback={<Waiting lines={5} />}>
        <Plot {...props} heightPx={heightPx} />
      </Suspense>
    </figure>
  )
}
