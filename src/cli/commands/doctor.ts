/**
 * doctor: looks at the machine, the data folder and the hub, and says in plain words what to mend. Exit code
 * 1 when something is wrong.
 */

import type { Command } from 'commander'
import type { Finding } from '../checkup/finding.ts'
import { hubFindings } from '../checkup/hub.ts'
import { machineFindings } from '../checkup/machine.ts'
import type { Session } from '../session.ts'
import { clean } from '../words.ts'

const MARKS = { good: 'green', warning: 'yellow', bad: 'red' } as const

export function doctorCommand(program: Command, session: Session): void {
  program
    .command('doctor')
    .description('check this machine, the data folder and the hub, and say what to mend')
    .action(async () => {
      const { out } = session
      const findings = [...(await machineFindings(session)), ...(await hubFindings(session))]
      const healthy = findings.every((finding) => finding.verdict !== 'bad')
      if (!healthy) session.exitCode = 1
      out.show({ healthy, findings }, () => {
        for (const finding of findings) show(session, finding)
        out.line(healthy ? '\nNothing is broken.' : '\nSomething needs mending.')
      })
    })
}

function show({ out }: Session, { verdict, about, detail, mend }: Finding): void {
  out.line(`${out.colour(MARKS[verdict], verdict.padEnd(7))}  ${about}: ${clean(detail, 1_000)}`)
  if (mend !== undefined) out.line(`         → ${clean(mend, 1_000)}`)
}
