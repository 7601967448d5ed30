/**
 * The settings of one node: read once at the start from the environment and the command line, checked, frozen. The table below
 * is the only place that knows their names, defaults and bounds; the reference page is generated from it.
 */

import { isIP } from 'node:net'
import { isAbsolute, join, resolve } from 'node:path'
import * as z from 'zod'
import { ThalwegError } from './errors.ts'
import { NODE_ROLES, type NodeRole } from './node-role.ts'
import { parseKey, Secret } from './secret.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
const TIB = 1024 * GIB
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const BYTE_UNITS: readonly (readonly [string, number])[] = [
  ['TiB', TIB],
  ['GiB', GIB],
  ['MiB', MIB],
  ['KiB', KIB],
]
const TIME_UNITS: readonly (readonly [string, number])[] = [
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
]

interface Setting<T> {
  readonly env: string
  /** As it would be written in the environment; undefined: the setting is absent unless given. */
  readonly fallback: string | undefined
  /** What may be written, for a person. */
  readonly allowed: string
  readonly description: string
  readonly schema: z.ZodType<T, string>
  /** The value must never be shown. */
  readonly secret?: true
}

const TABLE = {
  port: whole(
    'THALWEG_PORT',
    '7070',
    0,
    65_535,
    'Port of the listener for doors, API and console; 0 takes any free port.',
  ),
  host: text('THALWEG_HOST', '127.0.0.1', 'Address that the listener binds; 0.0.0.0 or :: for all.'),
  dataDir: {
    ...text(
      'THALWEG_DATA',
      './.thalweg',
      'Folder of the log, the embedded database and the sealing key; made when missing.',
    ),
    schema: z
      .string()
      .min(1)
      .transform((path) => resolve(path)),
  },
  key: {
    env: 'THALWEG_KEY',
    fallback: undefined,
    allowed: '32 bytes as base64 or as 64 hexadecimal digits',
    description:
      'Key that seals stored credentials. When absent, the file sealing.key in the data folder is used, and made at the first start. ' +
      'Make one with: openssl rand -base64 32',
    schema: z
      .string()
      .refine((key) => parseKey(key) !== undefined)
      .transform((key) => new Secret(key)),
    secret: true,
  } satisfies Setting<Secret<string>>,
  log: {
    env: 'THALWEG_LOG',
    fallback: 'embedded',
    allowed: 'embedded, or nats://user:password@a:4222,b,c/name?replicas=3 (see docs/cluster.md)',
    description: 'Where events are kept. Hubs that name the same log on NATS JetStream share it.',
    schema: z
      .string()
      .regex(/^(embedded|(nats|tls):\/\/\S+)$/)
      .transform((address) => new Secret(address)),
    secret: true, // the address may hold a password
  } satisfies Setting<Secret<string>>,
  natsCreds: file(
    'THALWEG_NATS_CREDS',
    'Credentials for NATS: a .creds file with the JWT and the seed of a user.',
  ),
  natsNkey: file('THALWEG_NATS_NKEY', 'Credentials for NATS: a file with the seed of an nkey.'),
  natsCa: file(
    'THALWEG_NATS_CA',
    'Certificate (PEM) of who vouches for the NATS servers; the connection is then by TLS.',
  ),
  natsCert: file('THALWEG_NATS_CERT', 'Our own certificate (PEM), for NATS servers that ask for one.'),
  natsKey: file('THALWEG_NATS_KEY', 'Key (PEM) of our own certificate for NATS.'),
  store: {
    env: 'THALWEG_STORE',
    fallback: 'sqlite',
    allowed: 'sqlite (a file in the data folder), sqlite:<path>, or postgres://user:password@host/database',
    description: 'Database of configuration, checkpoints and the ledger.',
    schema: z.string().regex(/^(sqlite$|sqlite:.|postgres(ql)?:\/\/.)/),
    secret: true, // the URL may hold a password
  } satisfies Setting<string>,
  node: {
    ...text(
      'THALWEG_NODE',
      '',
      'Name of this node among those that share a store; it stays over restarts. When absent, the name of the machine.',
    ),
    fallback: undefined,
  } satisfies Setting<string>,
  nodeUrl: {
    env: 'THALWEG_NODE_URL',
    fallback: undefined,
    allowed: 'an address as in http://10.0.0.5:7070; when absent, that of the listener',
    description: 'Address under which the other nodes of the store reach this one.',
    schema: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
  } satisfies Setting<string>,
  roles: {
    env: 'THALWEG_ROLES',
    fallback: NODE_ROLES.join(','),
    allowed: `some of ${NODE_ROLES.join(', ')}, separated by commas`,
    description:
      'What this node takes part in: the doors, delivery, what runs once among all nodes of a store, and API and console.',
    schema: z
      .string()
      .transform((given) => given.split(',').map((one) => one.trim()))
      .pipe(z.array(z.enum(NODE_ROLES)).min(1))
      .transform((given): readonly NodeRole[] => [...new Set(given)]) as z.ZodType<
      readonly NodeRole[],
      string
    >,
  } satisfies Setting<readonly NodeRole[]>,
  leaseMs: duration(
    'THALWEG_LEASE',
    '5s',
    SECOND,
    5 * MINUTE,
    'How long what a node does stays its own without a word from it; afterwards another one takes over. The same on all nodes of a store.',
  ),
  publicUrl: {
    env: 'THALWEG_PUBLIC_URL',
    fallback: undefined,
    allowed: 'an address as in https://thalweg.example.com; when absent, that of the listener',
    description: 'Address under which people reach the console; links in alerts begin with it.',
    schema: z
      .url({ protocol: /^https?$/ })
      .refine((url) => new URL(url).search === '' && new URL(url).hash === '')
      .transform((url) => url.replace(/\/+$/, '')),
  } satisfies Setting<string>,
  sandboxPort: whole(
    'THALWEG_SANDBOX_PORT',
    '7080',
    0,
    65_500,
    'First port of the sandbox, one for each double; 0 takes any free ports.',
  ),
  logLevel: choice(
    'THALWEG_LOG_LEVEL',
    'info',
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'Least severity of what is written to the log of the program.',
  ),
  bodyBytesMax: bytes(
    'THALWEG_BODY_BYTES_MAX',
    '16MiB',
    KIB,
    256 * MIB,
    'Largest request body at a door, as sent.',
  ),
  decompressedBytesMax: bytes(
    'THALWEG_DECOMPRESSED_BYTES_MAX',
    '64MiB',
    KIB,
    GIB,
    'Largest request body at a door after decompression; at most half a segment.',
  ),
  itemsMax: whole('THALWEG_ITEMS_MAX', '50000', 1, 1_000_000, 'Most events in one request.'),
  bodyTimeoutMs: duration(
    'THALWEG_BODY_TIMEOUT',
    '30s',
    SECOND,
    10 * MINUTE,
    'Longest time that a request body may take to arrive.',
  ),
  bytesInFlightMax: bytes(
    'THALWEG_BYTES_IN_FLIGHT_MAX',
    '128MiB',
    MIB,
    16 * GIB,
    'Most bytes of bodies being received and not yet durable; beyond it doors answer 503 with Retry-After.',
  ),
  segmentBytes: bytes(
    'THALWEG_SEGMENT_BYTES',
    '128MiB',
    MIB,
    GIB,
    'Size of one segment file of the log; the disk holds at least two.',
  ),
  retentionAgeMs: duration(
    'THALWEG_RETENTION_AGE',
    '30d',
    MINUTE,
    3650 * DAY,
    'Age from which events may be removed from the log.',
  ),
  retentionBytes: bytes(
    'THALWEG_RETENTION_BYTES',
    '20GB',
    2 * MIB,
    1024 * TIB,
    'Size from which the oldest events may be removed from the log, however young. Events that a current still needs are kept.',
  ),
  dedupeWindowMs: duration(
    'THALWEG_DEDUPE_WINDOW',
    '8d',
    0,
    90 * DAY,
    'How long an event id of a source is remembered to drop repeats; 0 switches it off.',
  ),
  filesRoots: {
    env: 'THALWEG_FILES_ROOTS',
    fallback: undefined,
    allowed: 'absolute paths of folders, separated by colons',
    description:
      'Folders that sources of files may read from. An import that an admin starts may name any folder.',
    schema: z
      .string()
      .refine((text) => text.split(':').every((path) => isAbsolute(path)))
      .transform((text) => text.split(':').map((path) => resolve(path)) as readonly string[]),
  } satisfies Setting<readonly string[]>,
  parquetDir: {
    env: 'THALWEG_PARQUET_DIR',
    fallback: undefined,
    allowed: 'a path; when absent, the folder parquet in the data folder',
    description: 'Folder in which Parquet destinations write when they do not write to a bucket.',
    schema: z
      .string()
      .min(1)
      .transform((path) => resolve(path)),
  } satisfies Setting<string>,
  backupsDir: {
    env: 'THALWEG_BACKUPS',
    fallback: undefined,
    allowed: 'a path; when absent, the folder backups in the data folder',
    description: 'Folder in which backups are made; better on another disk than the data folder.',
    schema: z
      .string()
      .min(1)
      .transform((path) => resolve(path)),
  } satisfies Setting<string>,
  backupsKept: whole(
    'THALWEG_BACKUPS_KEPT',
    '7',
    1,
    1_000,
    'Backups that are kept; when there are more, the oldest is removed.',
  ),
  dedupeMemoryIds: whole(
    'THALWEG_DEDUPE_MEMORY_IDS',
    '2500000',
    1_000,
    1_000_000_000,
    'Event ids remembered in memory (about 27 bytes each); older ones are looked up on disk.',
  ),
  trustedProxies: {
    env: 'THALWEG_TRUSTED_PROXIES',
    fallback: undefined,
    allowed: 'addresses and networks such as 127.0.0.1 or 10.0.0.0/8, separated by commas',
    description:
      'Proxies whose X-Forwarded-For, -Host and -Proto are believed: whose request it is, and whether it came by https.',
    schema: z
      .string()
      .transform((text) => text.split(',').map((one) => one.trim()))
      .refine((networks) => networks.every(isNetwork)) as z.ZodType<readonly string[], string>,
  } satisfies Setting<readonly string[]>,
  sessionIdleMs: duration(
    'THALWEG_SESSION_IDLE',
    '12h',
    MINUTE,
    90 * DAY,
    'How long a session in the console lasts without a request.',
  ),
  sessionAgeMs: duration(
    'THALWEG_SESSION_AGE',
    '7d',
    MINUTE,
    365 * DAY,
    'How long a session in the console lasts at most.',
  ),
  auditRetentionAgeMs: duration(
    'THALWEG_AUDIT_RETENTION_AGE',
    '400d',
    DAY,
    3650 * DAY,
    'Age from which entries are removed from the trail of changes.',
  ),
  queryRole: choice(
    'THALWEG_QUERY_ROLE',
    'operator',
    ['viewer', 'operator', 'admin'],
    'Least role that may run queries and see tables. A query reads personal data, so viewers may not unless told so here.',
  ),
  queriesMax: whole(
    'THALWEG_QUERIES_MAX',
    '8',
    1,
    32,
    'Queries that run at once, of all callers together; beyond it they are answered 503.',
  ),
  queryTimeMaxMs: duration(
    'THALWEG_QUERY_TIME_MAX',
    '1h',
    SECOND,
    DAY,
    'Longest time that a query may take, whatever its caller asks for.',
  ),
  queryBytesMax: bytes(
    'THALWEG_QUERY_BYTES_MAX',
    '10GB',
    MIB,
    TIB,
    'Largest result of a query, as text; it is cut there, and says so.',
  ),
  warehouseThreads: whole(
    'THALWEG_WAREHOUSE_THREADS',
    '1',
    1,
    64,
    'Cores that the embedded warehouse may use beside the one of each load and query.',
  ),
  warehouseMemoryBytes: bytes(
    'THALWEG_WAREHOUSE_MEMORY',
    '1GiB',
    128 * MIB,
    1024 * GIB,
    'Memory of the embedded warehouse, which is a process of its own; a query that needs more fails.',
  ),
  warehouseRetentionAgeMs: duration(
    'THALWEG_WAREHOUSE_RETENTION_AGE',
    '0',
    0,
    3650 * DAY,
    'Age from which rows are removed from the embedded warehouse; 0 keeps them for ever.',
  ),
} as const satisfies Record<string, Setting<unknown>>

type Table = typeof TABLE
type Value<Name extends keyof Table> = z.output<Table[Name]['schema']>

/** Values without a fallback may be undefined; `store` is always what openStore takes, and secret for the password in it. */
export type Settings = {
  readonly [Name in Exclude<keyof Table, 'store'>]: Table[Name]['fallback'] extends string
    ? Value<Name>
    : Value<Name> | undefined
} & {
  readonly store: Secret<string>
  /** What was written where, by the setting's name; what a secret says is left out. */
  readonly written: Readonly<Record<string, WrittenSetting>>
}

export interface WrittenSetting {
  readonly from: 'default' | 'environment' | 'command line'
  /** '' where nothing was; `[secret]` for a secret. */
  readonly text: string
}

/** Values from the command line, by the setting's name in this program; they win over the environment. */
export type Overrides = { readonly [Name in keyof Table]?: string | number | undefined }

/**
 * Reads and checks all settings. An empty value counts as absent. Throws SETTINGS_INVALID that names every variable with a bad
 * value, the value (unless it is a secret) and what is allowed.
 */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  overrides: Overrides = {},
): Settings {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  const writings: Record<string, WrittenSetting> = {}
  for (const [name, setting] of Object.entries<Setting<unknown>>(TABLE)) {
    const override = overrides[name as keyof Table]
    const given = String(override ?? env[setting.env] ?? '').trim()
    const written = given === '' ? setting.fallback : given
    writings[name] = {
      from: given === '' ? 'default' : override === undefined ? 'environment' : 'command line',
      text: setting.secret && written !== setting.fallback ? '[secret]' : (written ?? ''),
    }
    if (written === undefined) continue
    const parsed = setting.schema.safeParse(written)
    if (parsed.success) values[name] = parsed.data
    else
      problems.push(
        `${setting.env}=${setting.secret ? '[secret]' : quoted(written)} cannot be used; allowed: ${setting.allowed}`,
      )
  }
  if (problems.length === 0) problems.push(...misfits(values as unknown as Settings))
  if (problems.length > 0) throw new ThalwegError('SETTINGS_INVALID', problems.join('\n'))
  const store =
    values.store === 'sqlite' ? `sqlite:${join(String(values.dataDir), 'store.db')}` : String(values.store)
  return Object.freeze({
    key: undefined,
    node: undefined,
    nodeUrl: undefined,
    filesRoots: undefined,
    trustedProxies: undefined,
    ...values,
    store: new Secret(store),
    written: Object.freeze(writings),
  }) as unknown as Settings
}

export interface SettingRow {
  readonly name: string
  readonly env: string
  readonly fallback: string
  readonly allowed: string
  readonly description: string
}

/** The rows of the reference page, in the order of the table. */
export function settingRows(): SettingRow[] {
  return Object.entries<Setting<unknown>>(TABLE).map(([name, { env, fallback, allowed, description }]) => ({
    name,
    env,
    fallback: fallback ?? '',
    allowed,
    description,
  }))
}

/** Rules between settings, checked when each is fine by itself. */
function misfits(settings: Settings): string[] {
  const rules: readonly (readonly [holds: boolean, what: string])[] = [
    [
      settings.decompressedBytesMax >= settings.bodyBytesMax,
      'THALWEG_DECOMPRESSED_BYTES_MAX must be at least THALWEG_BODY_BYTES_MAX',
    ],
    [
      settings.segmentBytes >= 2 * settings.decompressedBytesMax,
      'THALWEG_SEGMENT_BYTES must be at least twice THALWEG_DECOMPRESSED_BYTES_MAX: a request lies in one segment',
    ],
    [
      settings.bytesInFlightMax >= settings.decompressedBytesMax,
      'THALWEG_BYTES_IN_FLIGHT_MAX must be at least THALWEG_DECOMPRESSED_BYTES_MAX, or the largest body could never be taken',
    ],
    [
      settings.retentionBytes >= 2 * settings.segmentBytes,
      'THALWEG_RETENTION_BYTES must be at least twice THALWEG_SEGMENT_BYTES: whole segments are removed',
    ],
  ]
  return rules.filter(([holds]) => !holds).map(([, what]) => what)
}

function isNetwork(text: string): boolean {
  const [, address = '', bits = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128)
}

function quoted(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
}

function file(env: string, description: string) {
  return {
    env,
    fallback: undefined,
    allowed: 'a path',
    description,
    schema: z
      .string()
      .min(1)
      .transform((path) => resolve(path)),
  } satisfies Setting<string>
}

function text<F extends string>(env: string, fallback: F, description: string) {
  return { env, fallback, allowed: 'any text', description, schema: z.string().min(1) }
}

function choice<const Choices extends readonly [string, ...string[]], F extends Choices[number]>(
  env: string,
  fallback: F,
  choices: Choices,
  description: string,
) {
  return {
    env,
    fallback,
    allowed: choices.join(', '),
    description,
    schema: z.enum(choices) as z.ZodType<Choices[number], string>,
  }
}

function whole<F extends string>(env: string, fallback: F, least: number, most: number, description: string) {
  const allowed = `a whole number from ${least} to ${most}`
  return { env, fallback, allowed, description, schema: measured({ '': 1 }, least, most) }
}

/** Named sizes: KB, MB, GB, TB are powers of 1,000 and KiB, MiB, GiB, TiB of 1,024; a bare number counts bytes. */
function bytes<F extends string>(env: string, fallback: F, least: number, most: number, description: string) {
  const units = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: KIB, mib: MIB, gib: GIB, tib: TIB }
  const allowed = `bytes from ${shortest(least, BYTE_UNITS)} to ${shortest(most, BYTE_UNITS)} (units KB, MB, GB, TB, KiB, MiB, GiB, TiB)`
  return { env, fallback, allowed, description, schema: measured(units, least, most) }
}

/** Named times: ms, s, m, h, d; a bare number counts milliseconds. */
function duration<F extends string>(
  env: string,
  fallback: F,
  least: number,
  most: number,
  description: string,
) {
  const units = { '': 1, ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY }
  const allowed = `a time from ${shortest(least, TIME_UNITS)} to ${shortest(most, TIME_UNITS)} (units ms, s, m, h, d)`
  return { env, fallback, allowed, description, schema: measured(units, least, most) }
}

/** Digits, perhaps grouped by `_`, and a unit; the result is a whole number in the smallest unit, within the bounds. */
function measured(
  units: Readonly<Record<string, number>>,
  least: number,
  most: number,
): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d[\d_]{0,20}\s*[a-z]*$/i)
    .transform((written) => {
      const [, digits = '', unit = ''] = /^([\d_]+)\s*([a-z]*)$/i.exec(written) ?? []
      return Number(digits.replaceAll('_', '')) * (units[unit.toLowerCase()] ?? Number.NaN)
    })
    .refine((value) => Number.isSafeInteger(value) && value >= least && value <= most)
}

function shortest(value: number, units: readonly (readonly [string, number])[]): string {
  const fitting = units.find(([, size]) => value >= size && value % size === 0)
  return fitting === undefined ? String(value) : `${value / fitting[1]} ${fitting[0]}`
}
