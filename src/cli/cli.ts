/**
 * The terminal: `thalweg`, the same objects and words as the API, which it only talks to. Tables for people,
 * `--json` for programs, exit code 0 for done, 1 for failed or not in order, 2 for a wrong command line. It
 * must never reach around the API into the store or the log; only `doctor` looks at the machine itself,
 * because a hub that does not start cannot be asked.
 */

import { Command } from 'commander'
import { programVersion } from '../core/version.ts'
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
    .version(programVersion(), '--version', 'the version of this program')
    .addHelpText('after', ABOUT)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
    .exitOverride()
  try {
    for (const add of await wanted(program, argv)) add(program, session, loadPrograms)
    await program.parseAsync(argv, { from: 'user' })
    return session.exitCode
  } catch (error) {
    return report(error, session)
  }
}

type AddCommands = (program: Command, session: Session, loadPrograms: () => Promise<Programs>) => void

/** In the order of the help: the words that call them, and where they are. */
export const GROUPS: readonly (readonly [words: readonly string[], load: () => Promise<AddCommands>])[] = [
  [
    ['serve', 'demo', 'sandbox', 'simulate', 'bench'],
    async () => (await import('./commands/programs.ts')).programCommands,
  ],
  [['status'], async () => (await import('./commands/status.ts')).statusCommand],
  [['doctor'], async () => (await import('./commands/doctor.ts')).doctorCommand],
  [
    ['init', 'validate', 'plan', 'diff', 'applies', 'apply', 'export'],
    async () => (await import('./commands/configuration.ts')).configurationCommands,
  ],
  [['currents', 'current'], async () => (await import('./commands/currents.ts')).currentCommands],
  [['sources', 'source'], async () => (await import('./commands/sources.ts')).sourceCommands],
  [['import', 'imports'], async () => (await import('./commands/imports.ts')).importCommands],
  [
    ['authorizations', 'authorization'],
    async () => (await import('./commands/authorizations.ts')).authorizationCommands,
  ],
  [
    ['dead-letters', 'dead-letter'],
    async () => (await import('./commands/dead-letters.ts')).deadLetterCommands,
  ],
  [['replays', 'replay'], async () => (await import('./commands/replays.ts')).replayCommands],
  [['audiences', 'audience'], async () => (await import('./commands/audiences.ts')).audienceCommands],
  [['segments', 'segment'], async () => (await import('./commands/segments.ts')).segmentCommands],
  [['activations', 'activation'], async () => (await import('./commands/activations.ts')).activationCommands],
  [['streams', 'stream'], async () => (await import('./commands/streams.ts')).streamCommands],
  [['profiles', 'profile'], async () => (await import('./commands/profiles.ts')).profileCommands],
  [['exports'], async () => (await import('./commands/exports.ts')).exportCommands],
  [['ledger'], async () => (await import('./commands/ledger.ts')).ledgerCommands],
  [['event', 'events'], async () => (await import('./commands/event.ts')).eventCommands],
  [['erase', 'erasures', 'erasure'], async () => (await import('./commands/erasures.ts')).erasureCommands],
  [['inbox'], async () => (await import('./commands/inbox.ts')).inboxCommand],
  [['drift'], async () => (await import('./commands/drift.ts')).driftCommands],
  [['sql'], async () => (await import('./commands/sql.ts')).sqlCommand],
  [['queries'], async () => (await import('./commands/queries.ts')).queryCommands],
  [['engines', 'tables'], async () => (await import('./commands/engines.ts')).engineCommands],
  [['alerts', 'alert'], async () => (await import('./commands/alerts.ts')).alertCommands],
  [
    ['system', 'backup', 'backups', 'restore'],
    async () => (await import('./commands/system.ts')).systemCommands,
  ],
  [['nodes', 'node'], async () => (await import('./commands/nodes.ts')).nodeCommands],
  [['catalog'], async () => (await import('./commands/catalog.ts')).catalogCommands],
  [['people', 'person'], async () => (await import('./commands/people.ts')).peopleCommands],
  [['audit'], async () => (await import('./commands/audit.ts')).auditCommands],
  [['tokens', 'token'], async () => (await import('./commands/tokens.ts')).tokenCommands],
]

/** The group that is called, so that a command waits for no other one's modules; all of them for help, and for what is misspelt. */
function wanted(program: Command, argv: readonly string[]): Promise<AddCommands[]> {
  const [word = ''] = program.parseOptions([...argv]).operands
  const called = GROUPS.filter(([words]) => words.includes(word))
  return Promise.all((called.length === 0 ? GROUPS : called).map(([, load]) => load()))
}
