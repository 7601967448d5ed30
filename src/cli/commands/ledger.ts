/** ledger check: the proof that the books balance. Exit code 1 when they do not. */

import type { Command } from 'commander'
import type { BookCheckAnswer } from '../../api/routes/ledger.ts'
import type { Session } from '../session.ts'
import { clean, grouped } from '../words.ts'

const MISSING_SHOWN_MAX = 20

export function ledgerCommands(program: Command, session: Session): void {
  program
    .command('ledger')
    .description('the books')
    .command('check')
    .description('does accepted = delivered + filtered + dead + pending hold? Exit code 1 when not')
    .argument('[current]', 'name or number; without: all')
    .action(async (current: string | undefined) => {
      const { out } = session
      const client = await session.client()
      const answer = await client.get<{ balanced: boolean; currents: BookCheckAnswer[] }>('/ledger/check', {
        current,
      })
      if (!answer.balanced) session.exitCode = 1
      out.show(answer, () => {
        showTable(session, answer.currents)
        for (const check of answer.currents.filter((one) => !one.balanced)) showResidue(session, check)
        if (answer.balanced && answer.currents.length > 0) out.line(out.colour('green', 'The books balance.'))
      })
    })
}

function showTable({ out }: Session, checks: readonly BookCheckAnswer[]): void {
  out.table(
    [
      { title: 'CURRENT' },
      { title: 'ACCEPTED', right: true },
      { title: 'DELIVERED', right: true },
      { title: 'FILTERED', right: true },
      { title: 'DEAD', right: true },
      { title: 'PENDING', right: true },
      { title: 'RESIDUE', right: true },
    ],
    checks.map((check) => [
      clean(check.current),
      grouped(check.accepted),
      grouped(check.delivered),
      grouped(check.filtered),
      grouped(check.dead),
      grouped(check.pending),
      check.residue === 0 ? '0' : out.colour('red', grouped(check.residue)),
    ]),
    'No current has been launched yet.',
  )
}

function showResidue({ out }: Session, check: BookCheckAnswer): void {
  out.line(out.colour('red', `${clean(check.current)} does not balance: ${grouped(check.residue)} records`))
  for (const { type, log, ledger } of check.differences)
    out.line(`  ${clean(type)}: ${grouped(log)} in the log, ${grouped(ledger)} in the ledger`)
  for (const { offset, id } of check.missing.slice(0, MISSING_SHOWN_MAX))
    out.line(`  missing: offset ${offset}, event ${clean(id)}`)
}
