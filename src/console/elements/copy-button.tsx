import { ActionIcon, CopyButton as Copies } from '@mantine/core'
import { Check, Copy } from 'lucide-react'

/** Puts a text on the clipboard. `label` says what it is. */
export function CopyButton({ value, label = value }: { value: string; label?: string }) {
  return (
    <Copies value={value} timeout={1_500}>
      {({ copied, copy }) => (
        <ActionIcon
          variant="subtle"
          size="xs"
          onClick={copy}
          aria-label={copied ? 'Copied' : `Copy ${label}`}
        >
          {copied ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
        </ActionIcon>
      )}
    </Copies>
  )
}
