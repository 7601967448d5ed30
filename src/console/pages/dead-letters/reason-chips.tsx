import { Group, UnstyledButton } from '@mantine/core'
import { count, spoken } from '../../elements/words.ts'
import classes from './reason-chips.module.css'

export interface ReasonChipsProps {
  readonly reasons: readonly { readonly value: string; readonly count: number }[]
  readonly chosen: string | undefined
  readonly change: (reason: string) => void
}

/** Why, and how many; pressing one shows only those. */
export function ReasonChips({ reasons, chosen, change }: ReasonChipsProps) {
  if (reasons.length === 0) return null
  return (
    <Group gap="xs" role="group" aria-label="Reasons">
      {reasons.map(({ value, count: some }) => (
        <UnstyledButton
          key={value}
          className={classes.chip}
          aria-pressed={value === chosen}
          onClick={() => change(value === chosen ? '' : value)}
        >
          {spoken(value)} <b className="tw-number">{count(some)}</b>
        </UnstyledButton>
      ))}
    </Group>
  )
}
