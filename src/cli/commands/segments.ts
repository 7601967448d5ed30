/** segments: named rules over tables of people. */

import type { Command } from 'commander'
import type { SegmentAnswer, SegmentPreviewAnswer } from '../../api/routes/segments.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, cleanLines, grouped, moment } from '../words.ts'

export function segmentCommands(program: Command, session: Session): void {
  const group = program
    .command('segments')
    .alias('segment')
    .description('named rules over a table of people, for activations')
  reading(group, session)
  changing(group, session)
}

function reading(group: Command, session: Session): void {
  group
    .command('list')
    .description('all segments')
    .action(async () => {
      const answer = await (await session.client()).get<{ segments: SegmentAnswer[] }>('/segments')
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'NAME' },
            { title: 'VERSION', right: true },
            { title: 'ENGINE' },
            { title: 'TABLE' },
            { title: 'SAVED' },
            { title: 'BY' },
            { title: 'DESCRIPTION' },
          ],
          answer.segments.map(({ name, version, definition, savedAt, author }) => [
            clean(name),
            String(version),
            clean(definition.parent.engine),
            clean(definition.parent.table),
            moment(savedAt),
            clean(author),
            clean(definition.description, 60),
          ]),
          'There are no segments. Make one: thalweg segments create <file.json>',
        ),
      )
    })

  group
    .command('show')
    .description('one segment: its rule and its versions')
    .argument('<segment>', 'name')
    .action(async (name: string) => {
      const client = await session.client()
      const segment = await client.get<SegmentAnswer>(path`/segments/${name}`)
      const { versions } = await client.get<{ versions: SegmentAnswer[] }>(path`/segments/${name}/versions`)
      session.out.show({ ...segment, versions }, () => {
        showSegment(session, segment)
        session.out.line()
        session.out.facts(
          versions.map(({ version, savedAt, author, note }) => [
            `version ${version}`,
            `${moment(savedAt)} by ${clean(author)}${note === '' ? '' : `: ${clean(note)}`}`,
          ]),
        )
      })
    })

  group
    .command('preview')
    .description('how many people it means now, and some of them')
    .argument('<segment>', 'name')
    .option('--rows <count>', 'rows of the sample, at most 1,000', '10')
    .option('--sql', 'show the query, too')
    .action(async (name: string, { rows, sql }: { rows: string; sql?: boolean }) => {
      const client = await session.client()
      const query = new URLSearchParams({ rows })
      const preview = await client.get<SegmentPreviewAnswer>(`${path`/segments/${name}`}/preview?${query}`)
      session.out.show(preview, () => showPreview(session, preview, sql ?? false))
    })
}

function changing(group: Command, session: Session): void {
  group
    .command('create')
    .description('keep a rule under a name')
    .argument('<file>', 'JSON with the definition; - for standard input')
    .action(async (file: string) => {
      const client = await session.client()
      const made = await client.send<SegmentAnswer>('POST', '/segments', await session.readJson(file))
      session.out.show(made, () => {
        showSegment(session, made)
        session.out.aside(`Who is it? thalweg segments preview ${made.name}`)
      })
    })

  group
    .command('revise')
    .description('replace the definition; activations take it with their next run')
    .argument('<segment>', 'name')
    .argument('<file>', 'JSON with the definition; - for standard input')
    .option('--note <text>', 'why', '')
    .action(async (name: string, file: string, { note }: { note: string }) => {
      const client = await session.client()
      const body = { definition: await session.readJson(file), note }
      const revised = await client.send<SegmentAnswer>('PUT', path`/segments/${name}`, body)
      session.out.show(revised, () => showSegment(session, revised))
    })

  group
    .command('delete')
    .description('remove a segment with all its versions')
    .argument('<segment>', 'name')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      if (!(await session.agreed(yes, `Remove "${clean(name)}" with all its versions?`)))
        return session.out.aside('Nothing was changed.')
      await client.remove(path`/segments/${name}`)
      session.out.show({ deleted: name }, () => session.out.line(`Deleted ${clean(name)}.`))
    })
}

function showSegment({ out }: Session, { name, version, definition }: SegmentAnswer): void {
  const { parent, rule, description } = definition
  const { events } = parent
  out.facts([
    ['name', `${clean(name)} (version ${version})`],
    ...(description === '' ? [] : [['description', clean(description, 1_000)] as [string, string]]),
    ['engine', clean(parent.engine)],
    ['people', `${clean(parent.table)}, known by ${clean(parent.key)}`],
    ...(events === undefined
      ? []
      : [
          ['events', `${clean(events.table)}, of ${clean(events.key)} at ${clean(events.time)}`] as [
            string,
            string,
          ],
        ]),
  ])
  out.line(`\n${cleanLines(JSON.stringify(rule, null, 2))}`)
}

function showPreview(
  { out }: Session,
  { size, columns, rows, sql }: SegmentPreviewAnswer,
  withSql: boolean,
): void {
  out.line(`${grouped(size)} people`)
  if (withSql) out.line(`\n${cleanLines(sql)}`)
  if (rows.length === 0) return
  out.line()
  out.table(
    columns.map(({ name }) => ({ title: clean(name) })),
    rows.map((row) => row.map((cell) => (cell === null ? 'NULL' : clean(String(cell), 60)))),
    '',
  )
}
