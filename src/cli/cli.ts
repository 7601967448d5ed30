/**
 * The terminal: `thalweg`, the same objects and words as the API, which it only talks to. Tables for people,
 * `--json` for programs, exit code 0 for done, 1 for failed or not in order, 2 for a wrong command line. It
 * must never reach around the API into the store or the log; only `doctor` looks at the machine itself,
 * because a hub that does not start cannot be asked.
 */

import { Command } from 'commander'
import { activationCommands } from './commands/activations.ts'
import { alertCommands } from './commands/alerts.ts'
import { authorizationCommands } from './commands/authorizations.ts'
import { catalogCommands } from './commands/catalog.ts'
import { currentCommands } from './commands/currents.ts'
import { deadLetterCommands } from './commands/dead-letters.ts'
import { doctorCommand } from './commands/doctor.ts'
import { driftCommands } from './commands/drift.ts'
import { engineCommands } from './commands/engines.ts'
import { eventCommands } from './commands/event.ts'
import { importCommands } from './commands/imports.ts'
import { inboxCommand } from './commands/inbox.ts'
import { ledgerCommands } from './commands/ledger.ts'
import { programCommands } from './commands/programs.ts'
import { queryCommands } from './commands/queries.ts'
import { replayCommands } from './commands/replays.ts'
import { segmentCommands } from './commands/segments.ts'
import { sourceCommands } from './commands/sources.ts'
import { sqlCommand } from './commands/sql.ts'
import { statusCommand } from './commands/status.ts'
import { tokenCommands } from './commands/tokens.ts'
import { report } from './failures.ts'
import type { Programs } from './programs.ts'
import { Session } from './session.ts'
import { processSurroundings, type Surroundings } from './surroundings.ts'

const ABOUT = `
The hub is found by --url, THALWEG_URL, or the file endpoints.json in its data folder.
The API token is taken from --token, THALWEG_TOKEN, or, for a hub on this machine, from the
file admin-token (mode 0600) that its first start leaves in the data folder.

Exit codes: 0 done, 1 failed or not in order, 2 wrong command line.`

/** Runs one command line (without the names of node and script); gives the exit code. */
export async function runCli(
  argv: readonly string[],
  loadPrograms: () => Promise<Programs>,
  io: Surroundings = processSurroundings(),
): Promise<number> {
  const program = new Command('thalweg')
  const session = new Session(program, io)
  program
    .description(
      'Engagement events out, audiences in: a lossless hub between Braze and the systems around it.',
    )
    .option('--url <address>', 'address of the hub, such as http://127.0.0.1:7070')
    .option('--token <token>', 'API token; better in THALWEG_TOKEN, where other users cannot list it')
    .option('--data <folder>', 'data folder (default: THALWEG_DATA, else ./.thalweg)')
    .option('--json', 'JSON on standard output and nothing else')
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .addHelpText('after', ABOUT)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
    .exitOverride()
  programCommands(program, session, loadPrograms)
  for (const add of GROUPS) add(program, session)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return session.exitCode
  } catch (error) {
    return report(error, session)
  }
}

/** In the order of the help. */
const GROUPS: readonly ((program: Command, session: Session) => void)[] = [
  statusCommand,
  doctorCommand,
  currentCommands,
  sourceCommands,
  importCommands,
  authorizationCommands,
  deadLetterCommands,
  replayCommands,
  segmentCommands,
  activationCommands,
  ledgerCommands,
  eventCommands,
  inboxCommand,
  driftCommands,
  sqlCommand,
  queryCommands,
  engineCommands,
  alertCommands,
  catalogCommands,
  tokenCommands,
]
