/** A rule to put together: conditions in groups, of react-querybuilder with Mantine's controls. What it can say is a vocabulary. */

import { Text } from '@mantine/core'
import { useMemo } from 'react'
import { QueryBuilder } from 'react-querybuilder'
import { CONTROLS } from './controls.tsx'
import classes from './rule-builder.module.css'
import { firstValues, type Query, type Subject, type Test } from './vocabulary.ts'

export interface RuleBuilderProps {
  readonly label: string
  readonly query: Query
  readonly onChange: (query: Query) => void
  readonly subjects: readonly Subject[]
}

/** What the controls are told beside what react-querybuilder tells them. */
export interface BuilderContext {
  readonly subjects: readonly Subject[]
  readonly test: (subject: string, test: string) => Test | undefined
}

export function RuleBuilder({ label, query, onChange, subjects }: RuleBuilderProps) {
  const byName = useMemo(() => new Map(subjects.map((subject) => [subject.name, subject])), [subjects])
  const fields = useMemo(() => subjects.map(({ name, label: shown }) => ({ name, label: shown })), [subjects])
  const context = useMemo(
    (): BuilderContext => ({
      subjects,
      test: (subject, test) => byName.get(subject)?.tests.find(({ name }) => name === test),
    }),
    [subjects, byName],
  )
  return (
    <section aria-label={label} className={classes.builder}>
      <QueryBuilder
        query={query}
        onQueryChange={(next) => onChange(next as Query)}
        enableMountQueryChange={false}
        fields={fields}
        combinators={[
          { name: 'and', label: 'all of' },
          { name: 'or', label: 'any of' },
        ]}
        getOperators={(field) =>
          (byName.get(field)?.tests ?? []).map(({ name, label: shown }) => ({ name, label: shown }))
        }
        getDefaultOperator={(field) => byName.get(field)?.tests[0].name ?? ''}
        getDefaultValue={({ field, operator }) => {
          const test = context.test(field, operator)
          return test === undefined ? {} : firstValues(test)
        }}
        showNotToggle
        addRuleToNewGroups
        controlElements={CONTROLS}
        controlClassnames={{
          ruleGroup: classes.group ?? '',
          header: classes.header ?? '',
          body: classes.body ?? '',
          rule: classes.rule ?? '',
        }}
        context={context}
      />
      {query.rules.length === 0 && (
        <Text size="sm" c="dimmed" mt={6}>
          {query.not === true ? 'Nobody' : 'Everybody'}, until there is a condition.
        </Text>
      )}
    </section>
  )
}
