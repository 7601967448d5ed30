/** streams: what profiles are made of, in versions. */

import type { Command } from 'commander'
import type { SampleAnswer, SchemaAnswer } from '../../api/routes/streams.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Session } from '../session.ts'
import { clean, moment } from '../words.ts'

export function streamCommands(program: Command, session: Session): void {
  const group = program
    .command('streams')
    .alias('stream')
    .description('what profiles are made of: fields, mappings of streams, identifiers')

  group
    .command('list')
    .description('streams and their mappings')
    .action(async () => {
      const schema = await (await session.client()).get<SchemaAnswer>('/profile-schema')
      session.out.show(schema, () => showSchema(session, schema))
    })

  group
    .command('schema')
    .description('the whole schema as JSON, to be edited and saved')
    .action(async () => {
      const schema = await (await session.client()).get<SchemaAnswer>('/profile-schema')
      session.out.show(schema.definition, () => session.out.line(JSON.stringify(schema.definition, null, 2)))
    })

  group
    .command('save')
    .description('replace the schema; it counts from the next record on')
    .argument('<file>', 'JSON with the schema; - for standard input')
    .option('--note <text>', 'why', '')
    .action(async (file: string, { note }: { note: string }) => {
      const client = await session.client()
      await save(session, await session.readJson(file), note, client)
    })

  for (const [word, active] of [
    ['on', true],
    ['off', false],
  ] as const)
    group
      .command(word)
      .description(active ? 'let a stream read' : 'let a stream read nothing')
      .argument('<stream>', 'name')
      .action(async (name: string) => {
        const client = await session.client()
        const { definition } = await client.get<SchemaAnswer>('/profile-schema')
        if (!definition.streams.some((stream) => stream.name === name))
          throw new ThalwegError(
            'INPUT_INVALID',

            `There is no stream ${name}. There are: ${definition.streams.map((one) => one.name).join(', ')}`,
          )
        const streams = definition.streams.map((stream) =>
          stream.name === name ? { ...stream, active } : stream,
        )
        await save(session, { ...definition, streams }, `${name} ${word}`, client)
      })

  group
    .command('read-again')
    .description('have what the log still holds of a stream fill its fields anew')
    .argument('<stream>', 'name')
    .option('--field <field...>', 'only these fields')
    .option('--dry-run', 'only tell what would be read')
    .option('--yes', 'do not ask')
    .action(
      async (
        stream: string,
        { field = [], dryRun, yes }: { field?: string[]; dryRun?: boolean; yes?: boolean },
      ) => {
        const client = await session.client()
        const address = '/profile-schema/read-again'
        const plan = await client.send<AgainAnswer>('POST', address, { stream, fields: field, dryRun: true })
        const told = `${clean(plan.fields.join(', '), 300)}: from what was received since ${moment(plan.since)}`
        if (dryRun === true) return session.out.show(plan, () => session.out.line(told))
        if (!(await session.agreed(yes, `Fill anew: ${told}?`)))
          return session.out.aside('Nothing was changed.')
        const begun = await client.send<AgainAnswer>('POST', address, { stream, fields: field })
        session.out.show(begun, () => session.out.line(`Begun. How far it is: thalweg profiles status`))
      },
    )

  group
    .command('try')
    .description('what a stream makes of some records, without keeping anything')
    .argument('<stream>', 'name')
    .argument('<file>', 'JSON: a record, or an array of them; - for standard input')
    .option('--schema <file>', 'another schema than the present one')
    .action(async (stream: string, file: string, { schema }: { schema?: string }) => {
      const client = await session.client()
      const given = await session.readJson(file)
      const body = {
        stream,
        records: Array.isArray(given) ? given : [given],
        ...(schema === undefined ? {} : { definition: await session.readJson(schema) }),
      }
      const answer = await client.send<{ results: SampleAnswer[] }>('POST', '/profile-schema/try', body)
      session.out.show(answer, () => {
        for (const result of answer.results) showSample(session, result)
      })
    })
}

interface AgainAnswer {
  readonly fields: readonly string[]
  readonly since: number
}

async function save(
  session: Session,
  definition: unknown,
  note: string,
  client: Awaited<ReturnType<Session['client']>>,
): Promise<void> {
  const saved = await client.send<SchemaAnswer>('PUT', '/profile-schema', { definition, note })
  session.out.show(saved, () => showSchema(session, saved))
}

function showSchema({ out }: Session, { version, definition, savedAt, author }: SchemaAnswer): void {
  out.facts([
    ['version', version === 0 ? '0: as installed' : `${version}, ${moment(savedAt)} by ${clean(author)}`],
    ['fields', String(definition.fields.length)],
  ])
  for (const { name, from, active, joins, mappings } of definition.streams) {
    const origin =
      from.kind === 'stream'
        ? 'rows sent to it by name'
        : from.kind === 'source'
          ? `the source ${from.source}`
          : `sources of the kinds ${from.kinds.join(', ')}`
    out.line(
      `\n${clean(name)} (${active ? 'reads' : 'off; would read'} ${clean(origin)}${joins ? '' : '; joins nobody'})`,
    )
    out.table(
      [{ title: 'EXPRESSION' }, { title: 'FIELD' }, { title: '' }],
      mappings.map(({ expression, field, guard }) => {
        const about = definition.fields.find((one) => one.name === field)
        return [
          clean(expression, 60),
          clean(field),
          [
            about?.identifier === undefined ? '' : 'identifier',
            guard === undefined ? '' : clean(`if ${guard}`, 40),
          ]
            .filter((word) => word !== '')
            .join(', '),
        ]
      }),
      '',
    )
  }
}

function showSample({ out }: Session, { record, reason, lost }: SampleAnswer): void {
  if (record === null) out.line(`No record: ${clean(reason ?? '')}`)
  else
    out.facts([
      ['of', moment(record.at)],
      ...record.identifiers.map(({ field, value }): [string, string] => [
        `identifier ${clean(field)}`,
        clean(value),
      ]),
      ...Object.entries(record.values).map(([field, value]): [string, string] => [
        clean(field),
        clean(typeof value === 'string' ? value : JSON.stringify(value), 100),
      ]),
    ])
  for (const { field, problem } of lost) out.aside(`${clean(field)} could not be made: ${clean(problem)}`)
  out.line()
}
