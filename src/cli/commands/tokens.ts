/** tokens: who may talk to the API. */

import type { Command } from 'commander'
import type { TokenAnswer } from '../../api/routes/tokens.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, moment } from '../words.ts'

export function tokenCommands(program: Command, session: Session): void {
  const group = program.command('tokens').alias('token').description('API tokens and their roles')

  group
    .command('list')
    .description('all API tokens, without their secrets')
    .action(async () => {
      const { out } = session
      const answer = await (await session.client()).get<{ tokens: TokenAnswer[] }>('/tokens')
      out.show(answer, () =>
        out.table(
          [{ title: 'ID' }, { title: 'LABEL' }, { title: 'ROLE' }, { title: 'MADE' }, { title: 'LAST USED' }],
          answer.tokens.map((token) => [
            clean(token.id),
            clean(token.label),
            token.role,
            moment(token.createdAt),
            moment(token.lastUsedAt),
          ]),
          'There are no tokens.',
        ),
      )
    })

  group
    .command('create')
    .description('make an API token; the secret is shown this once')
    .argument('<label>', 'what it is for')
    .option(
      '--role <role>',
      'viewer reads; operator changes what flows; admin gives and takes access',
      'viewer',
    )
    .action(async (label: string, { role }: { role: string }) => {
      const { out } = session
      const made = await (await session.client()).send<{ token: TokenAnswer; secret: string }>(
        'POST',
        '/tokens',
        {
          label,
          role,
        },
      )
      out.show(made, () =>
        out.line(`Token ${made.token.id} with the role ${made.token.role} (shown this once): ${made.secret}`),
      )
    })

  group
    .command('revoke')
    .description('refuse a token from now on')
    .argument('<id>', 'id of the token')
    .action(async (id: string) => {
      await (await session.client()).remove(path`/tokens/${id}`)
      session.out.show({ revoked: id }, () => session.out.line(`Revoked ${clean(id)}.`))
    })
}
