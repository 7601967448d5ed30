/** One audience: its parts, each with an address of its own. */

import { useParams } from '@tanstack/react-router'
import type { ComponentType } from 'react'
import type { AudienceAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Page } from '../../elements/page.tsx'
import { Tabs } from '../../elements/tabs.tsx'
import { ComparePart } from './compare-part.tsx'
import { EditPart } from './edit-part.tsx'
import { Judging } from './judging.tsx'
import { MembersPart } from './members-part.tsx'
import { MovesPart } from './moves-part.tsx'
import { OverviewPart } from './overview-part.tsx'
import { UsesPart } from './uses-part.tsx'
import { VersionsPart } from './versions-part.tsx'
import { WhyPart } from './why-part.tsx'

export interface PartProps {
  readonly audience: AudienceAnswer
}

interface Part {
  readonly tab: string
  readonly label: string
  readonly part: ComponentType<PartProps>
  /** After /api/v1/audiences/<slug>, and after thalweg audiences. */
  readonly calls: readonly string[]
  readonly commands: readonly string[]
}

const PARTS: readonly Part[] = [
  {
    ...{ tab: '', label: 'Overview', part: OverviewPart },
    calls: ['GET {}', 'GET {}/sizes', 'GET {}/sample'],
    commands: ['show {}', 'sizes {}', 'sample {}'],
  },
  {
    tab: 'members',
    label: 'Members',
    part: MembersPart,
    calls: ['GET {}/members'],
    commands: ['members {}'],
  },
  {
    ...{ tab: 'compare', label: 'Compare', part: ComparePart },
    calls: ['GET {}/compare'],
    commands: ['compare {} --from 7d'],
  },
  { tab: 'moves', label: 'Moves', part: MovesPart, calls: ['GET {}/moves'], commands: ['moves {}'] },
  {
    ...{ tab: 'why', label: 'Why', part: WhyPart },
    calls: ['GET {}/why'],
    commands: ['why {} email=ann@example.com'],
  },
  {
    ...{ tab: 'edit', label: 'Edit', part: EditPart },
    calls: ['POST /api/v1/audiences/preview', 'PUT {}'],
    commands: ['revise {} rule.filterql'],
  },
  {
    tab: 'versions',
    label: 'Versions',
    part: VersionsPart,
    calls: ['GET {}/versions'],
    commands: ['show {}'],
  },
  {
    ...{ tab: 'uses', label: 'Uses', part: UsesPart },
    calls: ['GET {}/uses', 'DELETE {}'],
    commands: ['delete {}'],
  },
]

export function AudiencePage() {
  const { audience: which = '', tab = '' } = useParams({ strict: false }) as {
    audience?: string
    tab?: string
  }
  const audience = useAnswer<AudienceAnswer>(at`/audiences/${which}`, { everyMs: 10_000 })
  const present = PARTS.find((part) => part.tab === tab) ?? (PARTS[0] as Part)
  const path = at`/audiences/${which}`
  const { part: Shown, calls, commands } = present
  return (
    <Page
      title={audience.data?.name || which}
      up={{ to: '/audiences', label: 'Audiences' }}
      intro={audience.data?.description}
      beside={
        <>
          <code>{audience.data?.slug}</code>
          <Judging />
        </>
      }
      calls={calls.map((line) => line.replace('{}', `/api/v1${path}`))}
      commands={commands.map((line) => `thalweg audiences ${line.replace('{}', which)}`)}
    >
      <Tabs
        label="Parts of the audience"
        tabs={PARTS.map(({ tab: name, label }) => ({
          label,
          to: name === '' ? path : `${path}/${name}`,
          active: name === present.tab,
        }))}
      />
      <Answer of={audience}>{(data) => <Shown key={data.number} audience={data} />}</Answer>
    </Page>
  )
}
