/** queries: saved ones, and those that run. */

import type { Command } from 'commander'
import type { SavedQueryAnswer } from '../../api/routes/queries.ts'
import type { QueryAnswer } from '../../api/routes/sql.ts'
import { path } from '../../core/api-path.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Client } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, cleanLines, grouped, moment, span } from '../words.ts'
import { runQuery, withQueryOptions } from './sql.ts'

interface Texts {
  readonly engine?: string
  readonly description?: string
}

export function queryCommands(program: Command, session: Session): void {
  const group = program.command('queries').description('queries: saved ones, and those that run')

  group
    .command('save')
    .description('keep a statement under a name; a name that is there gets a new version')
    .argument('<name>', 'name')
    .argument('<statement>', 'the statement; - takes it from standard input')
    .option('--engine <name>', 'the engine it is meant for (default: warehouse)')
    .option('--description <text>', 'what it is for')
    .action(async (name: string, statement: string, { engine, description }: Texts) => {
      const client = await session.client()
      const text = {
        sql: statement === '-' ? await session.readText('-') : statement,
        ...(engine === undefined ? {} : { engine }),
        ...(description === undefined ? {} : { description }),
      }
      const saved = await save(client, name, text)
      session.out.show(saved, () =>
        session.out.line(`Saved ${clean(saved.name)}, version ${saved.version}, for ${clean(saved.engine)}.`),
      )
    })

  group
    .command('list')
    .description('saved queries')
    .action(async () => {
      const client = await session.client()
      const answer = await client.get<{ queries: SavedQueryAnswer[] }>('/queries')
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'NAME' },
            { title: 'ENGINE' },
            { title: 'VERSION', right: true },
            { title: 'SAVED' },
            { title: 'BY' },
            { title: 'DESCRIPTION' },
          ],
          answer.queries.map((query) => [
            clean(query.name),
            clean(query.engine),
            String(query.version),
            moment(query.savedAt),
            clean(query.author),
            clean(query.description, 60),
          ]),
          "No query is saved. Save one: thalweg queries save <name> 'select …'",
        ),
      )
    })

  group
    .command('show')
    .description('one saved query, with its versions')
    .argument('<name>', 'name')
    .action(async (name: string) => {
      const client = await session.client()
      const query = await client.get<SavedQueryAnswer>(path`/queries/${name}`)
      const { versions } = await client.get<{ versions: SavedQueryAnswer[] }>(path`/queries/${name}/versions`)
      session.out.show({ ...query, versions }, () => {
        session.out.facts([
          ['name', clean(query.name)],
          ['engine', clean(query.engine)],
          ['description', clean(query.description, 1_000)],
          ...versions.map(
            ({ version, savedAt, author }) =>
              [`version ${version}`, `${moment(savedAt)} by ${clean(author)}`] as const,
          ),
        ])
        session.out.line(`\n${cleanLines(query.sql)}`)
      })
    })

  withQueryOptions(group.command('run'))
    .description('run a saved query: the same as thalweg sql --saved')
    .argument('<name>', 'name')
    .action(async (name: string, options: Parameters<typeof runQuery>[2]) => {
      await runQuery(session, undefined, { ...options, saved: name })
    })

  group
    .command('remove')
    .description('remove a saved query with all its versions')
    .argument('<name>', 'name')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      if (!(await session.agreed(yes, `Remove "${clean(name)}" with all its versions?`)))
        return session.out.aside('Nothing was changed.')
      await client.remove(path`/queries/${name}`)
      session.out.show({ removed: name }, () => session.out.line(`Removed ${clean(name)}.`))
    })

  group
    .command('running')
    .description('queries that run, and those of late')
    .action(async () => {
      const client = await session.client()
      const answer = await client.get<{ queries: QueryAnswer[] }>('/sql/running')
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'ID' },
            { title: 'STATE' },
            { title: 'ENGINE' },
            { title: 'WHO' },
            { title: 'ROWS', right: true },
            { title: 'TIME', right: true },
            { title: 'STATEMENT' },
          ],
          answer.queries.map((query) => [
            clean(query.id),
            query.error === null ? query.state : `${query.state}: ${query.error.code}`,
            clean(query.engine),
            clean(query.who),
            grouped(query.rows),
            span(query.elapsedMs),
            clean(query.sql.replaceAll(/\s+/g, ' '), 60),
          ]),
          'No query has run since the hub started.',
        ),
      )
    })

  group
    .command('cancel')
    .description('end a query, also on the server that runs it')
    .argument('<id>', 'id')
    .action(async (id: string) => {
      const client = await session.client()
      const query = await client.remove<QueryAnswer>(path`/sql/running/${id}`)
      session.out.show(query, () => session.out.line(`${clean(query.id)} is ${query.state}.`))
    })
}

async function save(client: Client, name: string, text: Texts & { sql: string }): Promise<SavedQueryAnswer> {
  try {
    return await client.send<SavedQueryAnswer>('POST', '/queries', { name, ...text })
  } catch (error) {
    if (!(error instanceof ThalwegError) || error.code !== 'SAVED_QUERY_NAME_TAKEN') throw error
    return client.send<SavedQueryAnswer>('PATCH', path`/queries/${name}`, text)
  }
}
