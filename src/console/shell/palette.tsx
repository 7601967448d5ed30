/** Ctrl+K: to any place, or to an event, a person or a current, by typing. */

import { ActionIcon, Modal, Stack, Text, TextInput, Tooltip, UnstyledButton } from '@mantine/core'
import { useDisclosure, useHotkeys } from '@mantine/hooks'
import { useNavigate } from '@tanstack/react-router'
import { Search } from 'lucide-react'
import { type KeyboardEvent, useState } from 'react'
import { REGIONS } from './navigation.ts'
import classes from './palette.module.css'

interface Choice {
  readonly label: string
  readonly about: string
  readonly to: string
}

const PLACES: readonly Choice[] = REGIONS.flatMap(({ places }) => places)

const LABEL = 'Go to a place, an event or a person (Ctrl+K)'

function choicesFor(text: string): readonly Choice[] {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return PLACES
  const places = PLACES.filter(({ label, about }) => `${label} ${about}`.toLowerCase().includes(wanted))
  const typed = encodeURIComponent(text.trim())
  return [
    ...places,
    { label: `Event ${text.trim()}`, about: 'What became of it', to: `/events/${typed}` },
    {
      label: `Person ${text.trim()}`,
      about: 'Profiles with this identifier',
      to: `/profiles?value=${typed}`,
    },
  ]
}

export function Palette() {
  const [opened, { open, close }] = useDisclosure(false)
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState(0)
  const navigate = useNavigate()
  useHotkeys([['mod+K', open]])
  const choices = choicesFor(text)
  const go = (choice: Choice | undefined): void => {
    if (choice === undefined) return
    close()
    setText('')
    setChosen(0)
    void navigate({ href: choice.to })
  }
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined) {
      event.preventDefault()
      setChosen((at) => (at + step + choices.length) % choices.length)
    } else if (event.key === 'Enter') go(choices[chosen])
  }
  return (
    <>
      <Tooltip label={LABEL}>
        <ActionIcon variant="subtle" onClick={open} aria-label={LABEL}>
          <Search size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Modal opened={opened} onClose={close} title="Go to" size="lg" yOffset="10vh">
        <TextInput
          data-autofocus
          aria-label="Place, event id or identifier"
          placeholder="A place, an event id, a person’s identifier"
          value={text}
          onChange={({ currentTarget }) => {
            setText(currentTarget.value)
            setChosen(0)
          }}
          onKeyDown={onKey}
        />
        <Stack gap={2} mt="sm" mah={360} className={classes.choices}>
          {choices.map((choice, i) => (
            <UnstyledButton
              key={choice.to}
              className={classes.choice}
              data-chosen={i === chosen || undefined}
              onClick={() => go(choice)}
            >
              <Text size="sm" fw={550}>
                {choice.label}
              </Text>
              <Text size="xs" c="dimmed">
                {choice.about}
              </Text>
            </UnstyledButton>
          ))}
        </Stack>
      </Modal>
    </>
  )
}
