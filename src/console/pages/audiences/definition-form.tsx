import { SimpleGrid, Textarea, TextInput } from '@mantine/core'

export interface Naming {
  readonly name: string
  readonly slug: string
  readonly description: string
}

export interface DefinitionFormProps {
  readonly value: Naming
  readonly onChange: (value: Naming) => void
  /** Of an audience that is there: what a change of the slug does is said. */
  readonly slugBefore?: string
}

/** What an audience is called. */
export function DefinitionForm({ value, onChange, slugBefore }: DefinitionFormProps) {
  const { name, slug, description } = value
  return (
    <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
      <TextInput
        label="Name"
        placeholder="Opens mail, Germany"
        value={name}
        onChange={({ currentTarget }) => onChange({ ...value, name: currentTarget.value })}
      />
      <TextInput
        label="Slug"
        inputWrapperOrder={['label', 'input', 'description']}
        description={
          slugBefore !== undefined && slug !== slugBefore
            ? 'Exports will write the new slug and take the old one away'
            : 'What exports write; empty: made of the name'
        }
        placeholder={name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}
        value={slug}
        onChange={({ currentTarget }) => onChange({ ...value, slug: currentTarget.value })}
      />
      <Textarea
        label="Description"
        autosize
        minRows={1}
        value={description}
        onChange={({ currentTarget }) => onChange({ ...value, description: currentTarget.value })}
      />
    </SimpleGrid>
  )
}
