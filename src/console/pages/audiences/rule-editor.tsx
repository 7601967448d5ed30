/** The rule of an audience, to put together and to write, side by side, with how many it means. */

import { Alert, SimpleGrid, Stack, Text } from '@mantine/core'
import { CodeEditor, type CodeProblem } from '../../elements/code-editor.tsx'
import { RuleBuilder } from '../../elements/rule-builder/rule-builder.tsx'
import classes from './audiences.module.css'
import type { Draft } from './draft.ts'
import type { KnownParts } from './known.ts'
import { LiveSize } from './live-size.tsx'

export function RuleEditor({ draft, known, against }: { draft: Draft; known: KnownParts; against?: string }) {
  const { text, drawn, leads, error, reading, write, build } = draft
  const place =
    leads === 'text' ? (error?.details as { start?: number; end?: number } | undefined) : undefined
  const problems: CodeProblem[] =
    error !== undefined && place?.start !== undefined && place.end !== undefined
      ? [{ from: place.start, to: place.end, message: error.message }]
      : NO_PROBLEMS
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
        <div className={classes.side}>
          <Text size="sm" fw={600} mb={4}>
            Builder
          </Text>
          {drawn !== undefined && 'query' in drawn ? (
            <RuleBuilder
              label="Rule builder"
              query={drawn.query}
              onChange={build}
              subjects={known.subjects}
            />
          ) : (
            drawn !== undefined && (
              <Alert color="gray" variant="outline" title="This rule is edited as text">
                The builder has no picture for {drawn.undrawable}. Everything else works as usual.
              </Alert>
            )
          )}
        </div>
        <div className={classes.side}>
          <CodeEditor
            label="FilterQL"
            language="filterql"
            value={text}
            onChange={write}
            words={known.words}
            problems={problems}
            minHeight="160px"
          />
        </div>
      </SimpleGrid>
      {error !== undefined && reading === undefined && (
        <Alert
          color="red"
          variant="outline"
          role="alert"
          title={leads === 'text' ? 'The text is not a rule yet' : 'The rule is not complete yet'}
        >
          {error.message}
          <Text size="xs" c="dimmed" mt={4}>
            {leads === 'text' ? 'The builder' : 'The text'} still shows the rule from before.
          </Text>
        </Alert>
      )}
      <LiveSize
        filter={reading?.filter}
        fields={reading?.fields ?? []}
        {...(against === undefined ? {} : { against })}
      />
    </Stack>
  )
}

const NO_PROBLEMS: CodeProblem[] = []
