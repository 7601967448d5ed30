/** Where the events go: the kind of destination, its settings, and the credentials it is written to with. */

import { Radio, Stack, Text } from '@mantine/core'
import type { DestinationAnswer } from '../../../../api/routes/destinations.ts'
import { Answer } from '../../../elements/answer.tsx'
import { type JsonSchema, SchemaForm } from '../../../elements/schema-form.tsx'
import { useDestinations } from '../destinations.ts'
import { AuthorizationField } from './authorization-field.tsx'
import classes from './definition.module.css'
import { problemsBelow, problemsUnder, type SectionProps } from './definition.ts'

export function DestinationSection(props: SectionProps) {
  const {
    value: { destination },
    onChange,
    problems,
  } = props
  const answer = useDestinations()
  return (
    <Answer of={answer}>
      {({ destinations }) => {
        const kinds = destinations.filter(({ takesEvents }) => takesEvents)
        const chosen = kinds.find(({ name }) => name === destination.kind)
        return (
          <Stack gap="lg">
            <Radio.Group
              label="Kind of destination"
              value={destination.kind}
              error={problemsBelow(problems, ['destination.kind'])[0]}
              onChange={(kind) => onChange({ destination: { kind, settings: {}, authorization: null } })}
            >
              <div className={classes.kinds}>
                {kinds.map(({ name, title, description }) => (
                  <Radio.Card key={name} value={name} className={classes.choice} aria-label={title}>
                    <Radio.Indicator />
                    <div className={classes.choiceText}>
                      <Text size="sm" fw={600}>
                        {title}
                      </Text>
                      <Text size="xs" c="dimmed">
                        {description}
                      </Text>
                    </div>
                  </Radio.Card>
                ))}
              </div>
            </Radio.Group>
            {chosen !== undefined && <Chosen key={chosen.name} {...props} kind={chosen} />}
          </Stack>
        )
      }}
    </Answer>
  )
}

function Chosen({
  value: { destination },
  onChange,
  problems,
  kind,
}: SectionProps & { kind: DestinationAnswer }) {
  const credentials = kind.credentials as JsonSchema
  return (
    <>
      <SchemaForm
        schema={kind.settings as JsonSchema}
        value={destination.settings}
        problems={problemsUnder(problems, 'destination.settings')}
        onChange={(settings) => onChange({ destination: { ...destination, settings: { ...settings } } })}
      />
      {problems.destination !== undefined && (
        <Text size="sm" c="var(--tw-bad)" role="alert">
          {problems.destination}
        </Text>
      )}
      {Object.keys(credentials.properties ?? {}).length === 0 ? (
        <Text size="sm" c="dimmed">
          {kind.title} needs no credentials.
        </Text>
      ) : (
        <AuthorizationField
          provider={kind.name}
          title={kind.title}
          schema={credentials}
          value={destination.authorization}
          problem={problemsBelow(problems, ['destination.authorization'])[0]}
          onChange={(authorization) => onChange({ destination: { ...destination, authorization } })}
        />
      )}
    </>
  )
}
