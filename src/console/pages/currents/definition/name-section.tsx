/** What the current is called, who is told when it halts, and how events are put together into requests. */

import { Collapse, NumberInput, Radio, Stack, TextInput, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ChevronDown, ChevronRight } from 'lucide-react'
import { type Definition, problemsBelow, type SectionProps } from './definition.ts'

type Delivery = Definition['delivery']

export function NameSection(props: SectionProps) {
  const { value, onChange, problems } = props
  return (
    <Stack gap="sm" maw={560}>
      <TextInput
        label="Name"
        description="Lower-case letters, digits and dashes; the word in addresses and commands"
        required
        value={value.name}
        error={problemsBelow(problems, ['name'])[0]}
        onChange={({ currentTarget }) => onChange({ name: currentTarget.value })}
      />
      <TextInput
        label="Contact"
        description="E-mail address of whoever is told when the current halts"
        type="email"
        required
        value={value.contactEmail}
        error={problemsBelow(problems, ['contactEmail'])[0]}
        onChange={({ currentTarget }) => onChange({ contactEmail: currentTarget.value })}
      />
      <Batching {...props} />
    </Stack>
  )
}

const NUMBERS: readonly {
  readonly name: 'recordsMax' | 'bytesMax' | 'waitMs' | 'inFlightMax'
  readonly label: string
  readonly description: string
  readonly min: number
  readonly max: number
}[] = [
  {
    name: 'waitMs',
    label: 'Wait (ms)',
    description: 'How long the first event of a batch may wait for company',
    min: 0,
    max: 900_000,
  },
  {
    name: 'recordsMax',
    label: 'Events in a request',
    description: 'At most; unset: what the destination takes',
    min: 1,
    max: 10_000,
  },
  {
    name: 'bytesMax',
    label: 'Bytes in a request',
    description: 'Of events, at most; unset: what the destination takes',
    min: 1_000,
    max: 16_777_216,
  },
  {
    name: 'inFlightMax',
    label: 'Requests at once',
    description: '1 keeps the whole current in order',
    min: 1,
    max: 64,
  },
]

function Batching({ value: { delivery }, onChange, problems }: SectionProps) {
  const [opened, { toggle }] = useDisclosure(problemsBelow(problems, ['delivery']).length > 0)
  const change = (part: Partial<Delivery>): void => onChange({ delivery: { ...delivery, ...part } })
  return (
    <>
      <UnstyledButton onClick={toggle} aria-expanded={opened} fz="sm" fw={500}>
        {opened ? <ChevronDown size={14} aria-hidden /> : <ChevronRight size={14} aria-hidden />} Batching and
        order
      </UnstyledButton>
      <Collapse expanded={opened}>
        <Stack gap="sm">
          {NUMBERS.map(({ name, label, description, min, max }) => (
            <NumberInput
              key={name}
              label={label}
              description={description}
              placeholder="As the destination has it"
              allowDecimal={false}
              thousandSeparator=","
              min={min}
              max={max}
              value={delivery[name] ?? ''}
              error={problems[`delivery.${name}`]}
              onChange={(next) => {
                const { [name]: _before, ...rest } = delivery
                onChange({ delivery: typeof next === 'number' ? { ...rest, [name]: next } : rest })
              }}
            />
          ))}
          <Radio.Group
            label="Order"
            value={delivery.ordering}
            onChange={(ordering) => change({ ordering: ordering as Delivery['ordering'] })}
          >
            <Stack gap="xs" mt="xs">
              <Radio value="none" label="As they come" description="The quickest" />
              <Radio
                value="per-profile"
                label="Kept for each person"
                description="Events of one person leave in the order in which they were accepted"
              />
            </Stack>
          </Radio.Group>
        </Stack>
      </Collapse>
    </>
  )
}
