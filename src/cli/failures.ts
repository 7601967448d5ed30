/**
 * What a failed command says: what happened, and the next step. Exit code 1 for failures, 2 for a wrong
 * command line.
 */

import { CommanderError } from 'commander'
import { type ErrorCode, ThalwegError } from '../core/errors.ts'
import type { Session } from './session.ts'
import { cleanLines } from './words.ts'

const NEXT_STEPS: Partial<Record<ErrorCode, string>> = {
  AUDIENCE_IN_USE: 'See what includes it: thalweg audiences list',
  AUDIENCE_UNKNOWN: 'See which there are: thalweg audiences list',
  AUTHORIZATION_UNKNOWN: 'See which there are: thalweg authorizations list',
  CURRENT_STATE: 'See its state: thalweg currents show <name>',
  CURRENT_UNKNOWN: 'See which there are: thalweg currents list',
  DEAD_LETTER_STATE: 'See its state: thalweg dead-letters show <id>',
  DEAD_LETTER_UNKNOWN: 'See which there are: thalweg dead-letters list',
  DEFECT: 'Look into the log of the hub; please report it.',
  ENGINE_UNKNOWN: 'See which there are: thalweg engines list',
  ENGINE_UNREACHABLE: 'Once it should answer again: thalweg engines check <name>',
  EXPORT_STATE: 'See its state: thalweg exports show <name>',
  EXPORT_UNKNOWN: 'See which there are: thalweg exports list',
  HUB_UNREACHABLE:
    'Is it running? Start it with: thalweg serve. Another address: --url or THALWEG_URL; another data folder: --data or THALWEG_DATA.',
  LOG_FULL: 'Free some space on the disk of the data folder: thalweg doctor',
  LOG_LOCKED: 'Stop the other process, or choose another data folder: --data',
  LOG_STOPPED: 'Mend the disk, then restart the hub: thalweg doctor',
  PORT_TAKEN:
    'Perhaps a Thalweg runs already: end it, or choose other ports. Doors, API and console: --port or THALWEG_PORT; the doubles: --sandbox-port or THALWEG_SANDBOX_PORT.',
  QUERIES_FULL: 'See which run, and end one: thalweg queries running',
  QUERY_TIMEOUT: 'Give it more time: --timeout 10m',
  QUERY_UNKNOWN: 'See which there are: thalweg queries running',
  REPLAY_UNKNOWN: 'See which there are: thalweg replays list <current>',
  SAVED_QUERY_UNKNOWN: 'See which there are: thalweg queries list',
  SOURCE_UNKNOWN: 'See which there are: thalweg sources list',
  STORE_UNAVAILABLE: 'See what is wrong: thalweg doctor',
  TOKEN_FORBIDDEN: 'Use a token with that role, or have one made: thalweg tokens create',
  TOKEN_MISSING:
    'Give one in THALWEG_TOKEN or --token. On the machine of the hub the file admin-token in its data folder is used by itself: --data',
  TOKEN_REFUSED: 'Check THALWEG_TOKEN and --token; an admin makes new ones: thalweg tokens create',
}

const USAGE = 2
const FAILURE = 1

/** Tells what went wrong; returns the exit code. */
export function report(error: unknown, session: Session): number {
  const { out } = session
  // Help and version end this way too. What commander has to say, it has said.
  if (error instanceof CommanderError && error.code !== 'commander.invalidArgument')
    return error.exitCode === 0 ? 0 : USAGE
  const usage = error instanceof CommanderError
  const message = error instanceof Error ? error.message : String(error)
  const code = usage ? 'USAGE' : error instanceof ThalwegError ? error.code : 'FAILED'
  const next = error instanceof ThalwegError ? NEXT_STEPS[error.code] : undefined
  if (out.forPrograms) {
    const details = error instanceof ThalwegError ? error.details : undefined
    out.aside(JSON.stringify({ error: { code, message, details, next } }))
  } else {
    out.aside(`${out.colour('red', usage ? 'Usage:' : 'Failed:')} ${cleanLines(message)}`)
    const excerpt = error instanceof ThalwegError ? excerptOf(error.details) : undefined
    if (excerpt !== undefined) out.aside(cleanLines(excerpt))
    if (next !== undefined) out.aside(next)
  }
  return usage ? USAGE : FAILURE
}

/** The place in a text that is meant, where the failure tells it. */
function excerptOf(details: unknown): string | undefined {
  const isTold = typeof details === 'object' && details !== null && 'excerpt' in details
  return isTold && typeof details.excerpt === 'string' ? details.excerpt : undefined
}
