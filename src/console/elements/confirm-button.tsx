/** A button whose deed is shown before it is done. */

import { Button, type ButtonProps, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type ReactNode, useState } from 'react'
import { type Me, useMay } from '../api/session.ts'
import { FailureNote } from './answer.tsx'
import { usePlaceKept } from './focus.ts'

export interface ConfirmButtonProps
  extends Pick<ButtonProps, 'variant' | 'color' | 'size' | 'leftSection' | 'disabled'> {
  readonly label: string
  /** What would happen, in words and numbers; drawn when the dialog opens. */
  readonly children: ReactNode
  /** The button that does it; the default is `label`. */
  readonly deed?: string
  /** Has to be typed before it can be done: for what cannot be taken back. */
  readonly typed?: string
  /** Who may do it; whoever may not sees the button, and whom to ask. Default: operators. */
  readonly needs?: Me['role']
  /** Resolves when it is done. What it throws is shown, and the dialog stays. */
  readonly onConfirm: () => Promise<unknown>
}

export function ConfirmButton({
  label,
  children,
  deed = label,
  typed,
  needs = 'operator',
  onConfirm,
  ...button
}: ConfirmButtonProps) {
  const may = useMay(needs)
  const [opened, { open, close }] = useDisclosure(false)
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const keepPlace = usePlaceKept()
  const act = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      await onConfirm()
      close()
    } catch (failure) {
      setError(failure instanceof Error ? failure : new Error(String(failure)))
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Button
        size="sm"
        {...button}
        color={inkOf(button)}
        {...(may ? {} : { disabled: true, title: `Takes the role of an ${needs}: ask one.` })}
        onClick={({ currentTarget }) => {
          keepPlace(currentTarget)
          setText('')
          setError(undefined)
          open()
        }}
      >
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={label} centered>
        <Stack>
          <div>{children}</div>
          {typed !== undefined && (
            <TextInput
              label={`Type ${typed} to go on`}
              value={text}
              onChange={({ currentTarget }) => setText(currentTarget.value)}
              autoComplete="off"
            />
          )}
          {error !== undefined && <FailureNote error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <Button
              color={button.color}
              loading={busy}
              disabled={typed !== undefined && text !== typed}
              onClick={() => void act()}
            >
              {deed}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  )
}

/** What is grave is red with white letters; where the letters themselves are red, they need the red of letters. */
function inkOf({ variant = 'filled', color }: Pick<ConfirmButtonProps, 'variant' | 'color'>) {
  return variant !== 'filled' && color === 'var(--tw-bad-strong)' ? 'var(--tw-bad)' : color
}
