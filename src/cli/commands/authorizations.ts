/** authorizations: credentials of providers, given but never shown. */

import { type Command, InvalidArgumentError } from 'commander'
import type { CheckAnswer } from '../../api/checks.ts'
import type { AuthorizationAnswer } from '../../api/routes/authorizations.ts'
import type { ProviderAnswer } from '../../api/routes/providers.ts'
import { path } from '../../core/api-path.ts'
import type { Client } from '../client.ts'
import type { Session } from '../session.ts'
import { askEach, readStdin } from '../surroundings.ts'
import { clean, collected, moment, settingsFrom } from '../words.ts'
import { showCheck } from './currents.ts'

const VARIABLE = 'THALWEG_CREDENTIALS'
const HOW = `
The credentials are a JSON object, such as {"writeKey":"…"}. They are read from ${VARIABLE}, from standard
input, or asked for field by field on a terminal; never from the command line, which others can list.`

export function authorizationCommands(program: Command, session: Session): void {
  const group = program
    .command('authorizations')
    .alias('authorization')
    .description('credentials of providers, sealed and write-only')

  group
    .command('list')
    .description('all authorizations, without their secrets')
    .action(async () => {
      const { out } = session
      const answer = await (await session.client()).get<{ authorizations: AuthorizationAnswer[] }>(
        '/authorizations',
      )
      out.show(answer, () =>
        out.table(
          [
            { title: 'ID' },
            { title: 'LABEL' },
            { title: 'PROVIDER' },
            { title: 'FIELDS' },
            { title: 'HEALTH' },
            { title: 'CHECKED' },
          ],
          answer.authorizations.map((row) => [
            clean(row.id),
            clean(row.label),
            clean(row.provider),
            clean(row.fields.join(', ')),
            healthText(session, row),
            moment(row.checkedAt),
          ]),
          'There are no authorizations yet. Make one: thalweg authorizations create --help',
        ),
      )
    })

  group
    .command('show')
    .description('one authorization, without its secrets')
    .argument('<id>', 'id')
    .action(async (id: string) => {
      const row = await (await session.client()).get<AuthorizationAnswer>(path`/authorizations/${id}`)
      session.out.show(row, () => showAuthorization(session, row))
    })

  group
    .command('create')
    .description('keep the credentials of a provider')
    .requiredOption('--label <text>', 'what it is called')
    .requiredOption(
      '--provider <name>',
      'whose credentials they are, for example treasure-data, segment, http',
    )
    .option('--description <text>', 'for people', '')
    .addHelpText('after', HOW)
    .action(async (wanted: { label: string; provider: string; description: string }) => {
      const client = await session.client()
      const credentials = await credentialsFor(session, client, wanted.provider)
      const made = await client.send<AuthorizationAnswer>('POST', '/authorizations', {
        label: wanted.label,
        provider: wanted.provider,
        description: wanted.description,
        credentials,
      })
      session.out.show(made, () => showAuthorization(session, made))
    })

  group
    .command('rotate')
    .description('replace the credentials; currents take the new ones at once')
    .argument('<id>', 'id')
    .addHelpText('after', HOW)
    .action(async (id: string) => {
      const client = await session.client()
      const { provider } = await client.get<AuthorizationAnswer>(path`/authorizations/${id}`)
      const credentials = await credentialsFor(session, client, provider)
      const row = await client.send<AuthorizationAnswer>('POST', path`/authorizations/${id}/rotate`, {
        credentials,
      })
      session.out.show(row, () => showAuthorization(session, row))
    })

  group
    .command('check')
    .description('rehearse a write with these credentials, and note the health')
    .argument('<id>', 'id')
    .option(
      '--set <name=value>',
      'a setting of the destination, such as its address; may be repeated',
      collected,
    )
    .action(async (id: string, { set = [] }: { set?: readonly string[] }) => {
      const client = await session.client()
      const settings = settingsFrom(set)
      showCheck(
        session,
        await client.send<CheckAnswer>('POST', path`/authorizations/${id}/check`, { settings }),
      )
    })

  group
    .command('delete')
    .description('remove credentials for ever; refused while a current uses them')
    .argument('<id>', 'id')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      const { label } = await client.get<AuthorizationAnswer>(path`/authorizations/${id}`)
      if (!(await session.agreed(yes, `Remove "${clean(label)}" and its credentials for ever?`)))
        return session.out.aside('Nothing was changed.')
      await client.remove(path`/authorizations/${id}`)
      session.out.show({ deleted: id }, () => session.out.line(`Deleted ${clean(id)}.`))
    })
}

async function credentialsFor(session: Session, client: Client, provider: string): Promise<unknown> {
  const { io } = session
  const given = io.env[VARIABLE] ?? ''
  if (given !== '') return objectFrom(given, VARIABLE)
  if (!io.stdin.isTTY) return objectFrom(await readStdin(io), 'Standard input')
  const { credentials } = await client.get<ProviderAnswer>(path`/providers/${provider}`)
  const fields = Object.entries((credentials.properties ?? {}) as Record<string, { description?: string }>)
  const questions = fields.map(([name, { description = '' }]) => `${name} (${clean(description)}): `)
  const answers = await askEach(io, questions, true)
  const typed = fields.map(([name], i) => [name, answers[i]?.trim() ?? ''] as const)
  return Object.fromEntries(typed.filter(([, value]) => value !== ''))
}

/** The text itself is never repeated: it is secret. */
function objectFrom(text: string, where: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new InvalidArgumentError(`${where} does not hold a JSON object such as {"writeKey":"…"}.`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new InvalidArgumentError(`${where} holds JSON that is not an object.`)
}

function healthText({ out }: Session, { health }: AuthorizationAnswer): string {
  return health === 'good'
    ? out.colour('green', health)
    : health === 'bad'
      ? out.colour('red', health)
      : health
}

function showAuthorization(session: Session, row: AuthorizationAnswer): void {
  session.out.facts([
    ['id', clean(row.id)],
    ['label', clean(row.label)],
    ['description', clean(row.description)],
    ['provider', clean(row.provider)],
    ['fields', clean(row.fields.join(', '))],
    [
      'health',
      `${healthText(session, row)}${row.healthDetail === '' ? '' : `: ${clean(row.healthDetail, 1_000)}`}`,
    ],
    ['checked', moment(row.checkedAt)],
    ['rotated', moment(row.rotatedAt)],
  ])
}
