import { PasswordInput } from '@mantine/core'

export interface NewPasswordProps {
  readonly label?: string
  readonly value: string
  readonly change: (value: string) => void
}

/** The API checks it; what it takes is said before. */
export function NewPassword({ label = 'Password', value, change }: NewPasswordProps) {
  return (
    <PasswordInput
      label={label}
      description="12 characters or more; several words are easy to keep in mind"
      required
      minLength={12}
      maxLength={256}
      autoComplete="new-password"
      value={value}
      onChange={({ currentTarget }) => change(currentTarget.value)}
    />
  )
}
