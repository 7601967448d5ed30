import { TextInput } from '@mantine/core'

/** A moment to choose, in the time of the browser; undefined: none. */
export interface InstantFilterProps {
  readonly label: string
  /** Milliseconds since the Unix epoch. */
  readonly value: number | undefined
  readonly change: (value: number | undefined) => void
}

const MINUTE_MS = 60_000

export function InstantFilter({ label, value, change }: InstantFilterProps) {
  return (
    <TextInput
      type="datetime-local"
      label={label}
      size="xs"
      step={1}
      value={value === undefined ? '' : localText(value)}
      onChange={({ currentTarget }) => {
        const ms = Date.parse(currentTarget.value)
        change(Number.isNaN(ms) ? undefined : ms)
      }}
    />
  )
}

/** As such inputs write it: without a zone. */
function localText(ms: number): string {
  return new Date(ms - new Date(ms).getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 19)
}
