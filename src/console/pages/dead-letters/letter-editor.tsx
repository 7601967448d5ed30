/** The event of a letter, to be mended: as text, so that numbers keep the digits they were written with. */

import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useMemo, useState } from 'react'
import type { DeadLetterAnswer } from '../../../api/routes/dead-letters.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { CodeEditor, type CodeProblem } from '../../elements/code-editor.tsx'
import { Difference } from '../../elements/difference.tsx'
import { pretty } from '../../elements/json-text.ts'
import { JsonView } from '../../elements/json-view.tsx'
import { told } from '../../elements/notices.ts'

export function LetterEditor({ letter }: { letter: DeadLetterAnswer }) {
  const original = useMemo(() => pretty(letter.event), [letter.event])
  const kept = useMemo(() => textOf(letter.editedEvent) ?? original, [letter.editedEvent, original])
  const [written, setWritten] = useState<string>()
  const text = written ?? kept
  const problem = useMemo(() => problemOf(text), [text])
  const save = useChange<string | null, DeadLetterAnswer>({
    method: 'PUT',
    path: () => at`/dead-letters/${letter.id}/event`,
    body: (event) => ({ event }),
    changes: ['/dead-letters'],
    done: (_answer, event) => {
      setWritten(event ?? original)
      told(event === null ? 'The change is taken back.' : 'Saved. A redrive sends it as it is now.')
    },
  })
  if (letter.state !== 'dead') return <Settled letter={letter} original={original} kept={kept} />
  return (
    <Stack gap="sm">
      <Title order={2}>The event</Title>
      <Text size="sm" c="dimmed">
        As it stood before mapping, after the field rules of the current. What you save is what a redrive
        sends; the log keeps the event as it came.
      </Text>
      <CodeEditor
        label="Event (JSON)"
        language="json"
        value={text}
        onChange={setWritten}
        problems={problem === undefined ? [] : [problem]}
        minHeight="220px"
        maxHeight="460px"
      />
      {problem !== undefined && (
        <Text size="sm" c="var(--tw-bad)" role="alert">
          {problem.message}
        </Text>
      )}
      {save.error !== null && <FailureNote error={save.error} />}
      <Group gap="xs">
        <Button
          size="sm"
          disabled={text === kept || problem !== undefined}
          loading={save.isPending}
          onClick={() => save.mutate(text)}
        >
          Save the change
        </Button>
        {text !== kept && (
          <Button size="sm" variant="default" onClick={() => setWritten(undefined)}>
            Undo what is not saved
          </Button>
        )}
        {letter.edited && text === kept && (
          <Button size="sm" variant="default" loading={save.isPending} onClick={() => save.mutate(null)}>
            Back to the event as it came
          </Button>
        )}
      </Group>
      {text !== original && (
        <div>
          <Text size="sm" fw={600} mb={4}>
            What is different from the event as it came
          </Text>
          <Difference label="What is different" before={original} after={text} />
        </div>
      )}
    </Stack>
  )
}

function Settled({ letter, original, kept }: { letter: DeadLetterAnswer; original: string; kept: string }) {
  return (
    <Stack gap="sm">
      <Title order={2}>The event</Title>
      <JsonView value={kept} label="Event" />
      {letter.edited && (
        <>
          <Text size="sm" fw={600}>
            What was changed in it
          </Text>
          <Difference label="What was changed" before={original} after={kept} />
        </>
      )}
    </Stack>
  )
}

/** An edit as it was written; one that was written on a single line, on several. */
function textOf(edited: string | null): string | undefined {
  if (edited === null) return undefined
  return edited.includes('\n') ? edited : pretty(edited)
}

/** What keeps the text from being an event; where, when the parser says so. */
function problemOf(text: string): CodeProblem | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? undefined
      : { from: 0, to: text.length, message: 'An event is a JSON object: { … }' }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    const position = Number(/position (\d+)/.exec(said)?.[1] ?? text.length)
    const line = text.slice(0, position).split('\n').length
    return { from: position, to: position + 1, message: `This is not JSON yet, line ${line}: ${said}` }
  }
}
