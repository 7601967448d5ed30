import type { Definition, Stream } from './field-kinds.ts'
import { SaveVersion } from './save-version.tsx'

/** Lets a stream read, or read nothing: as a new version of the schema. */
export function SwitchStream({ stream, definition }: { stream: Stream; definition: Definition }) {
  const streams = definition.streams.map((one) =>
    one.name === stream.name ? { ...one, active: !one.active } : one,
  )
  return (
    <SaveVersion
      label={stream.active ? 'Turn off' : 'Turn on'}
      variant="default"
      before={definition}
      after={{ ...definition, streams }}
    />
  )
}
