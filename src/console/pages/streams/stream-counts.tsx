import { Text } from '@mantine/core'
import type { ProfilesStatusAnswer } from '../../../api/routes/profiles.ts'
import { Stat, Stats } from '../../elements/stat.tsx'
import { count } from '../../elements/words.ts'
import type { Stream } from './field-kinds.ts'

const WORDS: Readonly<Record<string, string>> = {
  filtered: 'by the condition of the stream',
  no_identifier: 'without an identifier',
  not_json: 'that is no JSON',
  not_an_object: 'that is no object',
}

/** What became of the records of a stream since the start of the hub, and which values could not be made. */
export function StreamCounts({
  stream,
  status,
}: {
  stream: Stream
  status: ProfilesStatusAnswer | undefined
}) {
  const { applied = 0, ...others } = status?.streams[stream.name] ?? {}
  const again = status?.readingAgain.find((one) => one.stream === stream.name)
  const prefix = `${stream.name}.`
  const lost = Object.entries(status?.sinceStart ?? {}).filter(
    ([word]) => word.startsWith(prefix) && word.includes(' '),
  )
  return (
    <>
      <Stats>
        <Stat
          label="Records in profiles"
          value={count(applied)}
          note="since the start of the hub"
          to="/profiles"
        />
        {Object.entries(others).map(([word, n]) => (
          <Stat key={word} label="Left out" value={count(n)} note={WORDS[word] ?? word} mood="wait" />
        ))}
        <Stat label="Mappings" value={count(stream.mappings.length)} />
        <Stat
          label="Reads the kept log"
          value={
            again === undefined
              ? 'No'
              : again.cleared
                ? `${count(again.end - again.position)} left`
                : 'Clearing'
          }
          note={again === undefined ? 'only what is new' : 'again, for changed fields'}
          {...(again === undefined ? {} : { mood: 'wait' as const })}
        />
      </Stats>
      {lost.length > 0 && (
        <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          Values that could not be made since the start:{' '}
          {lost
            .slice(0, 12)
            .map(([word, n]) => `${word.slice(prefix.length).replaceAll('_', ' ')} (${count(n)})`)
            .join(', ')}
        </Text>
      )}
    </>
  )
}
