import { Group, Text, Tooltip } from '@mantine/core'
import { useLive } from '../api/live.ts'
import classes from './connection.module.css'

const WORDS = {
  opening: ['Connecting', 'Live numbers are on their way'],
  open: ['Live', 'Numbers arrive each second'],
  broken: ['Reconnecting', 'The hub does not answer; the numbers stand still until it does'],
} as const

/** Whether the numbers on the page are of now. */
export function Connection() {
  const { connection } = useLive()
  const [word, about] = WORDS[connection]
  return (
    <Tooltip label={about}>
      <Group gap={6} wrap="nowrap" role="status">
        <span className={classes.dot} data-state={connection} aria-hidden />
        <Text size="sm" c="dimmed" visibleFrom="xs">
          {word}
        </Text>
      </Group>
    </Tooltip>
  )
}
