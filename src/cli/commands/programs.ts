/** serve, demo, sandbox, simulate, bench: what runs in this process. */

import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { Overrides } from '../../core/settings.ts'
import type { Programs } from '../programs.ts'
import type { Session } from '../session.ts'
import { wholeFrom } from '../words.ts'
import {
  DAYS_MAX,
  type DaysOptions,
  PER_HOUR_DEFAULT,
  PER_HOUR_MAX,
  SOAK_MINUTES_MAX,
  simulateDays,
} from './simulated-days.ts'

const SEED_DEFAULT = 7
const RATE_DEFAULT = 60
const RATE_MAX = 100_000
const SECONDS_MAX = 604_800
const UINT32_MAX = 4_294_967_295
const EVENTS_DEFAULT = 100_000
const EVENTS_MAX = 1_000_000_000

interface ListenOptions {
  readonly node?: string
  readonly roles?: string
  readonly port?: string
  readonly host?: string
  readonly store?: string
  readonly logLevel?: string
  readonly sandboxPort?: string
}

interface TrafficOptions {
  readonly rate: number
  readonly seed: number
}

interface SimulateOptions extends TrafficOptions, Omit<DaysOptions, 'days'> {
  readonly days?: number
  readonly door?: string
  readonly seconds?: number
  readonly files?: string
  readonly events: number
}

export function programCommands(
  program: Command,
  session: Session,
  loadPrograms: () => Promise<Programs>,
): void {
  const overrides = (options: ListenOptions): Overrides => ({
    port: options.port,
    host: options.host,
    store: options.store,
    node: options.node,
    roles: options.roles,
    logLevel: options.logLevel,
    sandboxPort: options.sandboxPort,
    dataDir: session.options.data,
  })

  listening(program.command('serve'))
    .description('run the hub until SIGTERM or Ctrl-C; the first start prints the first API token')
    .action(async (options: ListenOptions) => (await loadPrograms()).serve(overrides(options)))

  traffic(listening(program.command('demo')))
    .description('run the hub with doubles of the vendors and simulated traffic; needs no account')
    .option(
      '--sandbox-port <port>',
      'first port of the doubles (THALWEG_SANDBOX_PORT, 7080); 0: any free ones',
    )
    .action(async (options: ListenOptions & TrafficOptions) =>
      (await loadPrograms()).demo(overrides(options), {
        seed: options.seed,
        eventsPerSecond: options.rate,
      }),
    )

  program
    .command('sandbox')
    .description('run the doubles of the vendors alone; prints their addresses as JSON')
    .option(
      '--sandbox-port <port>',
      'first port of the doubles (THALWEG_SANDBOX_PORT, 7080); 0: any free ones',
    )
    .option('--host <address>', 'address to bind (THALWEG_HOST, 127.0.0.1)')
    .action(async (options: ListenOptions) => (await loadPrograms()).sandboxOnly(overrides(options)))

  traffic(program.command('simulate'))
    .description('send simulated traffic to a Currents door, as Braze would')
    .argument('[source]', 'name of the source', 'braze')
    .option('--door <address>', 'full address of the door, instead of a source of this hub')
    .option('--seconds <n>', 'for so long; without: until Ctrl-C', wholeFrom(1, SECONDS_MAX))
    .option('--files <folder>', 'write Avro files to a folder instead, as a storage connector does')
    .option('--events <n>', 'with --files: so many events', wholeFrom(1, EVENTS_MAX), EVENTS_DEFAULT)
    .option(
      '--days <n>',
      'simulate so many days of hub, vendors and traffic in this process instead, on a virtual clock; exit code 1 when a promise was broken',
      wholeFrom(1, DAYS_MAX),
    )
    .option(
      '--faults <which>',
      'with --days: all, none, or some of crash, partition, slow, lost, duplicate, reorder, skew, full, errors, locked; crash@3 is that of day 3 alone',
      'all',
    )
    .option(
      '--per-hour <n>',
      'with --days: events in a virtual hour',
      wholeFrom(4, PER_HOUR_MAX),
      PER_HOUR_DEFAULT,
    )
    .option(
      '--soak <minutes>',
      'with --days: seed after seed for so long, until a promise is broken',
      wholeFrom(1, SOAK_MINUTES_MAX),
    )
    .addHelpText(
      'after',
      '\nThe token of the source is read from THALWEG_SOURCE_TOKEN, standard input, or a prompt.',
    )
    .action(async (source: string, options: SimulateOptions) => {
      const { files, events, seed } = options
      if (options.days !== undefined)
        return simulateDays(session, await loadPrograms(), { ...options, days: options.days })
      if (files !== undefined)
        return (await loadPrograms()).simulateFiles({ folder: resolve(files), seed, events })
      const url = options.door ?? `${(await session.client()).address}/currents/${encodeURIComponent(source)}`
      if (!URL.canParse(url)) throw new InvalidArgumentError(`${JSON.stringify(url)} is not an address.`)
      const token = await session.secret('THALWEG_SOURCE_TOKEN', 'Token of the source')
      await (await loadPrograms()).simulate({
        url,
        token,
        seed: options.seed,
        eventsPerSecond: options.rate,
        ...(options.seconds === undefined ? {} : { seconds: options.seconds }),
      })
    })

  program
    .command('bench')
    .description('measure this machine; without a name all benchmarks')
    .argument('[names...]', 'benchmarks')
    .action(async (names: readonly string[]) => {
      session.exitCode = await (await loadPrograms()).bench(names)
    })
}

function listening(command: Command): Command {
  return command
    .option('--port <port>', 'port of doors and API (THALWEG_PORT, 7070); 0: any free one')
    .option('--host <address>', 'address to bind (THALWEG_HOST, 127.0.0.1)')
    .option('--log <address>', 'embedded or nats://a,b,c (THALWEG_LOG)')
    .option('--store <url>', 'sqlite, sqlite:<path> or postgres://… (THALWEG_STORE)')
    .option('--node <name>', 'name of this node among those of a PostgreSQL store (THALWEG_NODE)')
    .option('--roles <list>', 'what it takes part in: ingest, deliver, schedule, api (THALWEG_ROLES)')
    .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent (THALWEG_LOG_LEVEL)')
}

function traffic(command: Command): Command {
  return command
    .option('--rate <n>', 'events per second', wholeFrom(1, RATE_MAX), RATE_DEFAULT)
    .option('--seed <n>', 'the same seed gives the same events', wholeFrom(0, UINT32_MAX), SEED_DEFAULT)
}
