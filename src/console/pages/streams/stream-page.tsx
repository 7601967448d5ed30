/** One stream: its mapping, tried on a record while it is written; its state; files to be read into it. */

import { useParams } from '@tanstack/react-router'
import type { ProfilesStatusAnswer } from '../../../api/routes/profiles.ts'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { Tabs } from '../../elements/tabs.tsx'
import { sourceOf } from './field-kinds.ts'
import { FileImport } from './file-import.tsx'
import { MappingEditor } from './mapping-editor.tsx'
import { ReadAgain } from './read-again.tsx'
import { StreamCounts } from './stream-counts.tsx'
import { SwitchStream } from './switch-stream.tsx'

export function StreamPage() {
  const { stream: name = '', tab = '' } = useParams({ strict: false })
  const schema = useAnswer<SchemaAnswer>('/profile-schema')
  const status = useAnswer<ProfilesStatusAnswer>('/profiles/status', { everyMs: 3_000 })
  const stream = schema.data?.definition.streams.find((one) => one.name === name)
  return (
    <Page
      title={name}
      up={{ to: '/streams', label: 'Streams' }}
      {...(stream === undefined || schema.data === undefined
        ? {}
        : {
            intro: `Reads ${sourceOf(stream)}.`,
            beside: (
              <StateBadge state={stream.active ? 'on' : 'off'} mood={stream.active ? 'good' : 'calm'} />
            ),
            actions: (
              <>
                <ReadAgain stream={name} />
                <SwitchStream stream={stream} definition={schema.data.definition} />
              </>
            ),
          })}
      calls={[
        'PUT /api/v1/profile-schema',
        'POST /api/v1/profile-schema/try',
        'POST /api/v1/profile-schema/read-again',
      ]}
      commands={[
        `thalweg streams try ${name} record.json`,
        'thalweg streams save schema.json',
        `thalweg streams read-again ${name} --dry-run`,
      ]}
    >
      <Answer of={schema} lines={8}>
        {(version) =>
          stream === undefined ? (
            <Empty title={`There is no stream ${name}`}>
              It may have been removed by a newer version of the schema.
            </Empty>
          ) : (
            <>
              <StreamCounts stream={stream} status={status.data} />
              <Tabs
                label="Parts of the stream"
                tabs={[
                  { label: 'Mapping', to: at`/streams/${name}`, active: tab === '' },
                  { label: 'Files', to: at`/streams/${name}/files`, active: tab === 'files' },
                ]}
              />
              {tab === 'files' ? (
                <FileImport stream={name} />
              ) : (
                <MappingEditor key={version.version} version={version} stream={stream} />
              )}
            </>
          )
        }
      </Answer>
    </Page>
  )
}
