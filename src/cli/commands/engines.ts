/** engines and tables: what can be asked, and connecting more. */

import type { Command } from 'commander'
import type { CheckAnswer } from '../../api/checks.ts'
import type { EngineAnswer, TableAnswer } from '../../api/routes/engines.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, collected, grouped, settingsFrom } from '../words.ts'
import { showCheck } from './currents.ts'

interface AddOptions {
  readonly kind: string
  readonly authorization: string
  readonly set: readonly string[]
  readonly description: string
}

export function engineCommands(program: Command, session: Session): void {
  const group = program.command('engines').description('query engines: what SQL can be asked of')

  group
    .command('list')
    .description('all query engines')
    .action(async () => {
      const client = await session.client()
      const answer = await client.get<{ engines: EngineAnswer[] }>('/engines')
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'NAME' },
            { title: 'KIND' },
            { title: 'WHERE' },
            { title: 'AUTHORIZATION' },
            { title: 'DESCRIPTION' },
          ],
          answer.engines.map((engine) => [
            clean(engine.name),
            clean(engine.kind),
            placeOf(engine),
            clean(engine.authorization ?? '–'),
            clean(engine.description, 60),
          ]),
          'No engine can be asked. Connect one: thalweg engines add <name> --kind postgres …',
        ),
      )
    })

  group
    .command('add')
    .description('connect a query engine, and ask it for a one')
    .argument('<name>', 'name')
    .requiredOption('--kind <kind>', 'postgres, mysql, clickhouse or treasure-data')
    .requiredOption('--authorization <id>', 'authorization of this kind: thalweg authorizations create')
    .option(
      '--set <name=value>',
      'a setting, such as host=db.example; can be given several times',
      collected,
      [],
    )
    .option('--description <text>', 'what it is', '')
    .action(async (name: string, { set, ...options }: AddOptions) => {
      const client = await session.client()
      const made = await client.send<EngineAnswer>('POST', '/engines', {
        name,
        ...options,
        settings: settingsFrom(set),
      })
      const check = await client.send<CheckAnswer>('POST', path`/engines/${name}/check`)
      session.out.show({ ...made, check }, () => session.out.line(`Connected ${clean(made.name)}.`))
      if (!session.out.forPrograms) showCheck(session, check)
      else if (!check.ok) session.exitCode = 1
    })

  group
    .command('check')
    .description('ask the engine for a one')
    .argument('<name>', 'name')
    .action(async (name: string) => {
      const client = await session.client()
      showCheck(session, await client.send<CheckAnswer>('POST', path`/engines/${name}/check`))
    })

  group
    .command('remove')
    .description('disconnect a query engine; saved queries that name it stay')
    .argument('<name>', 'name')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      if (!(await session.agreed(yes, `Disconnect the engine "${clean(name)}"?`)))
        return session.out.aside('Nothing was changed.')
      await client.remove(path`/engines/${name}`)
      session.out.show({ removed: name }, () => session.out.line(`Disconnected ${clean(name)}.`))
    })

  program
    .command('tables')
    .description('what can be asked of an engine: databases, tables, columns')
    .argument('[engine]', 'name of the engine', 'warehouse')
    .option('--columns', 'also each column with its type')
    .action(async (engine: string, { columns = false }: { columns?: boolean }) => {
      const client = await session.client()
      const answer = await client.get<{ tables: TableAnswer[] }>(path`/engines/${engine}/tables`)
      session.out.show(answer, () => {
        if (columns) showColumns(session, answer.tables)
        else showTables(session, answer.tables)
      })
    })
}

const NO_TABLES = 'There are no tables that this engine would show us.'

function showTables({ out }: Session, tables: readonly TableAnswer[]): void {
  out.table(
    [
      { title: 'DATABASE' },
      { title: 'TABLE' },
      { title: 'ROWS', right: true },
      { title: 'COLUMNS', right: true },
    ],
    tables.map(({ database, table, rows, columns }) => [
      clean(database),
      clean(table),
      rows === null ? '–' : grouped(rows),
      grouped(columns.length),
    ]),
    NO_TABLES,
  )
}

function showColumns({ out }: Session, tables: readonly TableAnswer[]): void {
  out.table(
    [{ title: 'DATABASE' }, { title: 'TABLE' }, { title: 'COLUMN' }, { title: 'TYPE' }],
    tables.flatMap(({ database, table, columns }) =>
      columns.map(({ name, type }) => [clean(database), clean(table), clean(name), clean(type)]),
    ),
    NO_TABLES,
  )
}

function placeOf({ settings }: EngineAnswer): string {
  const { url, host, region } = settings as Partial<Record<'url' | 'host' | 'region', unknown>>
  return clean(String(url ?? host ?? region ?? '–'), 60)
}
