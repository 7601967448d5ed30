import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { spoken } from '../../elements/words.ts'
import { RunTable, useRuns } from './run-table.tsx'
import { RUN_STATES, TRIGGER_CHOICES } from './run-words.ts'

type Filters = Readonly<{ activation?: string; state?: string; trigger?: string; dry?: boolean | string }>

/** Every sync there was, of all activations. */
export function RunsPage() {
  const [{ activation, state, trigger, dry }, change] = useFilters<Filters>()
  const activations = useAnswer<{ activations: ActivationAnswer[] }>('/activations')
  const sort = dry === undefined ? '' : String(dry)
  const runs = useRuns('/runs', { activation, state, trigger, dry: sort })
  const isFiltered = [activation, state, trigger, dry].some((one) => one !== undefined)
  return (
    <Page
      title="Runs"
      intro="Every sync of an activation: what it read, what it changed at the vendor, and what was refused."
      calls={['GET /api/v1/runs']}
      commands={['thalweg activations runs <activation>']}
    >
      <FilterBar>
        <ChoiceFilter
          label="Activation"
          value={activation === undefined ? undefined : String(activation)}
          choices={(activations.data?.activations ?? []).map(({ name }) => name)}
          change={(value) => change({ activation: value })}
        />
        <ChoiceFilter
          label="State"
          value={state}
          choices={RUN_STATES.map((value) => ({ value, label: spoken(value) }))}
          change={(value) => change({ state: value })}
        />
        <ChoiceFilter
          label="Trigger"
          value={trigger}
          choices={TRIGGER_CHOICES}
          change={(value) => change({ trigger: value })}
        />
        <ChoiceFilter
          label="Kind"
          value={sort}
          choices={[
            { value: 'false', label: 'Real runs' },
            { value: 'true', label: 'Dry runs' },
          ]}
          change={(value) => change({ dry: value })}
        />
      </FilterBar>
      <Answer of={runs.result} lines={8}>
        {() => (
          <RunTable
            runs={runs}
            of="all"
            empty={
              isFiltered ? (
                <Empty title="No run fits these filters" />
              ) : (
                <Empty title="No run yet">
                  A run asks the query of an activation, compares it with what the vendor accepted, and sends
                  what changed. Start one from an activation, dry at first.
                </Empty>
              )
            }
          />
        )}
      </Answer>
    </Page>
  )
}
