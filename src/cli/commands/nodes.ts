/** nodes: who works on the store, and which of them is to hand over. */

import type { Command } from 'commander'
import type { ClusterAnswer, NodeAnswer } from '../../api/routes/nodes.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, moment } from '../words.ts'

export function nodeCommands(program: Command, session: Session): void {
  const group = program
    .command('nodes')
    .alias('node')
    .description('the nodes of the store, and what each does')

  group
    .command('list', { isDefault: true })
    .description('all nodes, with what each does alone')
    .action(async () => {
      const { out } = session
      const answer = await (await session.client()).get<ClusterAnswer>('/nodes')
      out.show(answer, () => {
        out.table(
          [
            { title: 'NODE' },
            { title: 'STATE' },
            { title: 'ROLES' },
            { title: 'DOES' },
            { title: 'VERSION' },
            { title: 'STARTED' },
            { title: 'ADDRESS' },
          ],
          answer.nodes.map((node) => [
            `${clean(node.name)}${node.isThis ? ' *' : ''}`,
            node.state,
            node.roles.join(', '),
            node.posts.map(({ name, current }) => clean(current ?? name)).join(', '),
            clean(node.version),
            moment(node.startedAt),
            clean(node.url),
          ]),
          'There are no nodes.',
        )
        if (answer.unowned.length > 0)
          out.line(`No node delivers at this moment: ${answer.unowned.map(clean).join(', ')}`)
      })
    })

  for (const [action, description, said] of [
    ['drain', 'have a node hand over what it does, and take nothing more', 'hands over what it does'],
    ['activate', 'have a node that was drained take part again', 'takes part again'],
  ] as const) {
    group
      .command(action)
      .description(description)
      .argument('<node>', 'name or id')
      .action(async (which: string) => {
        const { out } = session
        const node = await (await session.client()).send<NodeAnswer>(
          'POST',
          path`/nodes/${which}/${action}`,
          {},
        )
        out.show(node, () => out.line(`Node ${clean(node.name)} ${said}.`))
      })
  }

  group
    .command('forget')
    .description('say that a node is gone for good, and its folders with it: no erasure waits for it')
    .argument('<node>', 'name')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      if (!(await session.agreed(yes, `Are the folders of ${clean(name)} destroyed?`)))
        return session.out.aside('Nothing was changed.')
      const client = await session.client()
      const answer = await client.remove<{ waived: number }>(path`/nodes/${name}`)
      session.out.show(answer, () =>
        session.out.line(
          `Node ${clean(name)} is forgotten; it still had a part in ${answer.waived} erasures.`,
        ),
      )
    })
}
