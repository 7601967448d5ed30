/**
 * The control-plane tables, one schema for SQLite and PostgreSQL. Beside each table: the room that owns it; only that room names it in SQL.
 * Times are milliseconds since the epoch (bigint in PostgreSQL, read as number), JSON is text, bytes are BLOB / bytea.
 *
 * "Key" names the primary key, which is also what an upsert conflicts on. In one `insert … on conflict do update` each key may
 * occur once (PostgreSQL refuses the second), and rows that several transactions upsert are given in the order of their key, so
 * that two transactions do not wait for each other in a circle. U+0000 in text is stored as U+FFFD.
 */

import type { Generated } from 'kysely'

/**
 * Longest text, in UTF-16 units, in a column that is part of a key or an index (event types, event ids, names, reasons): an
 * entry of a PostgreSQL index holds about 2,700 bytes. Who writes the row cuts it.
 */
export const INDEXED_CHARS_MAX = 256

export interface Schema {
  migrations: MigrationsTable
  meta: MetaTable
  leases: LeasesTable
  nodes: NodesTable
  changes: ChangesTable
  node_names: NodeNamesTable
  sources: SourcesTable
  source_tokens: SourceTokensTable
  imports: ImportsTable
  import_files: ImportFilesTable
  import_hours: ImportHoursTable
  authorizations: AuthorizationsTable
  currents: CurrentsTable
  current_versions: CurrentVersionsTable
  checkpoints: CheckpointsTable
  batches: BatchesTable
  ledger: LedgerTable
  intake: IntakeTable
  quarantine: QuarantineTable
  drift: DriftTable
  drift_position: DriftPositionTable
  dead_letters: DeadLettersTable
  dead_letter_counts: DeadLetterCountsTable
  replays: ReplaysTable
  alerts: AlertsTable
  alert_channels: AlertChannelsTable
  alert_notices: AlertNoticesTable
  alert_messages: AlertMessagesTable
  api_tokens: ApiTokensTable
  people: PeopleTable
  sessions: SessionsTable
  audit: AuditTable
  audit_states: AuditStatesTable
  query_engines: QueryEnginesTable
  saved_queries: SavedQueriesTable
  saved_query_versions: SavedQueryVersionsTable
  config_applies: ConfigAppliesTable
  config_objects: ConfigObjectsTable
  activations: ActivationsTable
  activation_versions: ActivationVersionsTable
  runs: RunsTable
  segments: SegmentsTable
  segment_versions: SegmentVersionsTable
  profile_schemas: ProfileSchemasTable
  rule_audiences: RuleAudiencesTable
  rule_audience_versions: RuleAudienceVersionsTable
  profile_migrations: MigrationsTable
  profile_position: ProfilePositionTable
  profile_again: ProfileAgainTable
  profiles: ProfilesTable
  profile_identifiers: ProfileIdentifiersTable
  profile_merges: ProfileMergesTable
  profile_conflicts: ProfileConflictsTable
  profile_never_links: ProfileNeverLinksTable
  audience_members: AudienceMembersTable
  audience_moves: AudienceMovesTable
  audience_quarters: AudienceQuartersTable
  erasures: ErasuresTable
  erasure_parts: ErasurePartsTable
  suppressions: SuppressionsTable
  exports: ExportsTable
  export_versions: ExportVersionsTable
  export_log: ExportLogTable
  export_rules: ExportRulesTable
  export_people: ExportPeopleTable
}

/** store: the numbered steps that made these tables; profile_migrations those of the tables about people. Key: number. */
export interface MigrationsTable {
  number: number
  name: string
  applied_at: number
}

/** store: small facts about this installation. Key: key. */
export interface MetaTable {
  key: string
  value: string
}

/** store: who may do what only one node may do at a time. Times are the database's own. Key: name. */
export interface LeasesTable {
  name: string
  holder: string // id of a node; '' = nobody
  token: number // grows with every new holder
  until: number
  wanted_by: string // id of the node that asked the holder to let go; '' = nobody
  wanted_until: number
}

/** cluster: processes that work on this store. Times are the database's own. Key: id. */
export interface NodesTable {
  id: string
  name: string
  url: string // under which the others reach it
  roles: string // JSON
  state: string // joining | active | draining | gone
  version: string
  started_at: number
  heartbeat_at: number
  detail: string // JSON: what else it says of itself
}

/** cluster: every node that ever joined this store, until somebody says that its folders are gone. Key: name. */
export interface NodeNamesTable {
  name: string
}

/** cluster: moves with every change of that kind of configuration. Key: kind. */
export interface ChangesTable {
  kind: string
  number: number
}

/** sources: the doors. `number` is what frames carry. Key: number. */
export interface SourcesTable {
  number: Generated<number>
  name: string // unique among those not deleted
  kind: string // see SOURCE_KINDS
  settings: string // JSON
  created_at: number
  updated_at: number
  deleted_at: number | null
}

/** sources: SHA-256 of each accepted token. Key: id. */
export interface SourceTokensTable {
  id: string
  source: number
  label: string
  hash: Uint8Array
  created_at: number
  revoked_at: number | null
}

/** sources: the import of each source of files. Key: source. */
export interface ImportsTable {
  source: number
  state: string // running | paused | finished | failed
  reason: string
  run: number // counts the runs; files and hours name the run that last read them
  listed: number // files in the place, when it was listed last
  started_at: number
  finished_at: number | null
  updated_at: number
}

/** sources: one version of one file of an import. `number` is what frames carry. Key: number. */
export interface ImportFilesTable {
  number: Generated<number>
  source: number
  name: string
  version: string
  size: number
  modified_at: number
  state: string // waiting | reading | done | failed
  at: number // where reading goes on: a position in the content, and records behind it
  record: number
  read: number
  duplicates: number
  quarantined: number
  problem: string
  log_offset: number // frames of this file from here on are not counted here yet
  run: number
  updated_at: number
}

/** sources: new events that a run brought, by the hour of their time. Key: source, run, hour, event_type. */
export interface ImportHoursTable {
  source: number
  run: number
  hour: number
  event_type: string
  count: number
}

/** store: credentials of a provider, sealed, write-only. Key: id. */
export interface AuthorizationsTable {
  id: string
  label: string
  description: string
  provider: string // whose credentials they are: a destination's name, or the kind of a query engine
  fields: string // JSON array: names of the fields that `sealed` holds
  sealed: Uint8Array
  health: string // unknown | good | bad
  health_detail: string
  checked_at: number | null
  rotated_at: number | null
  created_at: number
  updated_at: number
}

/** currents: identity and state; the definition lives in current_versions. Key: number. */
export interface CurrentsTable {
  number: Generated<number>
  key: string // short, stable, unique for ever: [a-z0-9]{8}
  name: string // unique among those not deleted
  state: string // draft | running | paused | halted | deleted
  state_reason: string
  state_since: number
  version: number
  start_offset: number | null // first offset that counts for this current; null until launched
  created_at: number
  launched_at: number | null
}

/** currents: what was configured when. Version v applies to offsets from `from_offset` until the next version's. Key: current, version. */
export interface CurrentVersionsTable {
  current: number
  version: number
  from_offset: number
  definition: string // JSON
  created_at: number
  note: string
}

/** delivery: everything before `position` is settled for this current. Key: current. */
export interface CheckpointsTable {
  current: number
  position: number
  updated_at: number
}

/** delivery: one row per settled batch. `records` is null when all records of [slice_from, slice_to) that match the version were in it. Key: current, id. */
export interface BatchesTable {
  current: number
  id: string
  slice_from: number
  slice_to: number
  first_offset: number
  last_offset: number
  records: Uint8Array | null // offsets as varint deltas from first_offset, when not all of the slice
  count: number
  delivered: number
  failed: number
  skipped: number
  version: number
  replay: string | null
  attempts: number
  status: number // HTTP status of the deciding answers, the highest; 0 = none
  first_sent_at: number
  settled_at: number
}

/** delivery: outcomes per current, minute of acceptance, type. Key: current, minute, event_type, outcome, reason. */
export interface LedgerTable {
  current: number
  minute: number // receivedAt / 60000, rounded down
  event_type: string
  outcome: string // delivered | filtered | dead
  reason: string // '' for delivered
  count: number
}

/** delivery: what was accepted per source, minute, type, counted from the log on its own. Key: source, minute, event_type. */
export interface IntakeTable {
  source: number
  minute: number
  event_type: string
  accepted: number
  bytes: number
}

/** delivery: items that are not events, with the reason; the bytes stay in the log, an excerpt here. Key: offset. */
export interface QuarantineTable {
  offset: number
  source: number
  received_at: number
  reason: string
  bytes: number
  excerpt: string
}

/** sources: event types (kind `type`) and their fields by kind, per source, with what was found. Key: id. */
export interface DriftTable {
  id: string // of source, event_type, path and kind
  source: number
  event_type: string
  path: string // '' for the type itself
  kind: string // type | missing | string | integer | decimal | boolean | null | array | object
  finding: string // '' | new_type | new_field | kind_change | missing_required
  expected: string // kind that was expected, '' when none was
  count: number
  unexamined: number // events of the type that nobody looked into
  unlisted: number // events of the type with fields past the bound
  first_at: number
  first_offset: number
  last_at: number
  sample: string
  acknowledged_at: number | null
  note: string
}

/** sources: everything before `position` is counted in drift. One row. Key: id. */
export interface DriftPositionTable {
  id: number
  position: number
}

/** delivery: records that a connection could not deliver. Key: id. */
export interface DeadLettersTable {
  id: string
  current: number
  record_offset: number
  event_id: string
  event_type: string
  received_at: number
  version: number
  batch: string
  replay: string | null
  fault: string
  reason: string // short, snake_case: the ledger's reason
  message: string
  status: number
  event: Uint8Array // the record after field rules, before mapping
  edited: Uint8Array | null // the operator's version of it
  sent: string // what was sent for it, redacted, at most 64 KB
  answer: string
  attempts: number
  state: string // dead | queued | delivered | discarded
  note: string
  created_at: number
  updated_at: number
}

/** delivery: how many dead letters there are of each kind. Key: current, state, reason, event_type. */
export interface DeadLetterCountsTable {
  current: number
  state: string
  reason: string
  event_type: string
  count: number // 0: there were some
}

/** delivery: a window sent again. Key: id. */
export interface ReplaysTable {
  id: string
  current: number
  from_offset: number
  to_offset: number
  position: number
  types: string // JSON array of patterns; [] = all
  state: string // running | paused | finished | cancelled | failed
  reason: string
  selected: number
  delivered: number
  dead: number
  skipped: number
  created_at: number
  updated_at: number
}

/** alerts: what a contact should know. Key: id. */
export interface AlertsTable {
  id: string
  current: number | null
  export: number | null
  about: string // current:<name> | activation:<name> | export:<name>, as it was called then; '' in rows of older programs
  kind: string // halted | deferred-long | log-corrupt | books | activation | capacity
  contact: string
  subject: string
  detail: string
  created_at: number
  resolved_at: number | null
  acknowledged_at: number | null
  acknowledged_by: string // label of the token
  acknowledge_note: string
}

/** alerts: ways out of the house, mail servers and webhooks. Key: id. */
export interface AlertChannelsTable {
  id: string
  name: string
  definition: string // JSON
  created_at: number
  updated_at: number
  told_at: number | null // last message that was taken
  tried_at: number | null
  answer: string // to the last one that was tried
}

/** alerts: what is to be told of an alert to whom. Key: alert, event, channel, recipient. */
export interface AlertNoticesTable {
  alert: string
  event: string // raised | resolved
  channel: string
  recipient: string // address of a mail; '' for a webhook
  message: string | null // that carries it; null: none was made yet
  created_at: number
}

/** alerts: messages with one or more notices, each sent until it was taken. Key: id, which is also in its Message-ID. */
export interface AlertMessagesTable {
  id: string
  channel: string
  recipient: string
  state: string // waiting | sent | given_up | cancelled
  attempts: number
  answer: string // to the last attempt
  created_at: number
  next_at: number // of waiting
  tried_at: number | null
}

/** access: programs that may talk to /api/v1. SHA-256 of the token. Key: id. */
export interface ApiTokensTable {
  id: string
  label: string
  role: string // viewer | operator | admin
  hash: Uint8Array
  created_at: number
  last_used_at: number | null
  revoked_at: number | null
}

/** access: people who may sign in. Key: id. */
export interface PeopleTable {
  id: string
  email: string
  email_key: string // lower case; unique
  name: string
  role: string // viewer | operator | admin
  password: string | null // argon2id, as its text form says; null: not chosen yet
  link_hash: Uint8Array | null // SHA-256 of the code of the one-time link
  link_until: number | null
  disabled_at: number | null
  seen_at: number | null
  created_at: number
  updated_at: number
}

/** access: browsers that somebody signed in with. SHA-256 of what the cookie holds. Key: id. */
export interface SessionsTable {
  id: string
  hash: Uint8Array // unique
  person: string
  agent: string
  address: string
  created_at: number
  seen_at: number
}

/** access: who changed what, in the order in which it was begun. Key: number. */
export interface AuditTable {
  number: Generated<number>
  at: number
  who_kind: string // person | token | nobody
  who: string // id; empty: nobody
  who_name: string // as it was then, like the role
  who_role: string
  address: string
  operation: string
  object_kind: string
  object: string
  object_name: string
  outcome: string // begun | done | refused | failed
  code: string // of the refusal; empty: none
  request: string
  words: string // names in lower case, to be searched
}

/** access: what an entry of the trail says of its object, JSON. Key: number. */
export interface AuditStatesTable {
  number: number
  before: string | null
  after: string | null
}

/** warehouse: connections that are asked by SQL. The embedded database has no row. Key: name. */
export interface QueryEnginesTable {
  name: string
  kind: string // postgres | mysql | clickhouse | treasure-data
  authorization: string
  settings: string // JSON
  description: string
  created_at: number
  updated_at: number
}

/** warehouse: queries kept under a name; what they say lives in saved_query_versions. Key: name. */
export interface SavedQueriesTable {
  name: string
  version: number
  created_at: number
  updated_at: number
}

/** warehouse: what a saved query said when. Key: name, version. */
export interface SavedQueryVersionsTable {
  name: string
  version: number
  engine: string
  sql: string
  description: string
  author: string // label of the token that saved it
  created_at: number
  note: string
}

/** config: applies of files. Key: number. */
export interface ConfigAppliesTable {
  number: Generated<number>
  state: string // running | done | failed
  by: string // label of the token or name of the person
  note: string
  started_at: number
  finished_at: number | null
  steps: string // JSON
}

/** config: what the last apply left of an object. Key: kind, id. */
export interface ConfigObjectsTable {
  kind: string
  id: string
  name: string
  body: string // JSON, with references in the place of secrets
  mark: string // what else tells that somebody changed it
  apply: number
}

/** audiences: queries that are sent to a cohort. Key: number. */
export interface ActivationsTable {
  number: Generated<number>
  name: string // unique among those not deleted
  state: string // active | paused | deleted
  version: number
  source: number // of its membership records
  current: number // that carries them
  scheduled_since: number // since when the present schedule is in force
  scheduled_to: number // up to when the schedule was looked at
  created_at: number
  updated_at: number
}

/** audiences: every definition that an activation had. Key: activation, version. */
export interface ActivationVersionsTable {
  activation: number
  version: number
  definition: string // JSON
  created_at: number
  note: string
}

/** audiences: syncs, each with its numbers. Key: activation, run. */
export interface RunsTable {
  activation: number
  run: number // counts up from 1
  version: number
  target: string // the cohort: one unfinished run at a time
  cause: string // manual | schedule | after | retry
  by: string
  dry: number
  retry_of: number | null
  state: string // queued | running | held | succeeded | partial | failed | cancelled
  phase: string // query | diff | send | settle | verify
  report: string // JSON
  members: number | null // of the cohort when it ended; null: it changed nothing
  created_at: number
  updated_at: number
  finished_at: number | null
}

/** audiences: named rules; what they say lives in segment_versions. Key: name. */
export interface SegmentsTable {
  name: string
  version: number
  created_at: number
  updated_at: number
}

/** audiences: what a segment meant when. Key: name, version. */
export interface SegmentVersionsTable {
  name: string
  version: number
  definition: string // JSON
  note: string
  author: string // label of the token that saved it
  created_at: number
}

/** profiles: what profiles were made of when. Key: version. */
export interface ProfileSchemasTable {
  version: number
  definition: string // JSON
  note: string
  author: string // label of the token that saved it
  created_at: number
}

/** erasure: persons taken out of all stores, with the receipt. Key: id. */
export interface ErasuresTable {
  id: string
  state: string // queued | running | finished
  step: string // the one that comes next
  sealed: Uint8Array | null // the request, identifiers and all; null once finished
  progress: string // JSON: what was found and done so far
  problem: string // why the step is tried again
  requested_by: string // label of the token
  note: string // without identifiers
  receipt: string | null // JSON, canonical: see erasure/receipt.ts
  signature: string | null
  created_at: number
  updated_at: number
  finished_at: number | null
}

/** erasure: what each node does of an erasure on itself and in its own folders. Key: erasure, node. */
export interface ErasurePartsTable {
  erasure: string
  node: string // its name, which stays over restarts; '' = the only node of its store
  step: string // the one that comes next; done; waived: its folders are gone, as somebody said
  sealed: Uint8Array | null // who is meant; null once there is nothing left to do
  removed: string // JSON: rows by place
  search: string | null // JSON: what its search found
  problem: string // why the step is tried again
  addendum: string | null // JSON, canonical: see erasure/receipt.ts; where it was done after the receipt was signed
  signature: string | null
  updated_at: number
}

/** erasure: keyed hashes of what erased persons were known by; records with it are kept without content. Key: hash, erasure. */
export interface SuppressionsTable {
  hash: string
  erasure: string
  quick: number // 32 bits, keyed: for a look that costs little
  created_at: number
}

/** profiles: audiences that are rules; what they say lives in rule_audience_versions. Key: number. */
export interface RuleAudiencesTable {
  number: Generated<number>
  slug: string // unique among those not deleted
  state: string // active | deleted
  version: number
  created_at: number
  updated_at: number
}

/** profiles: what a rule audience said when. Key: audience, version. */
export interface RuleAudienceVersionsTable {
  audience: number
  version: number
  slug: string
  name: string
  description: string
  filter: string // FilterQL; audiences after INCLUDE are numbers
  note: string
  author: string // label of the token that saved it
  created_at: number
}

// What is known of people: PROFILE_PLAN. In SQLite these lie in a file of their own, which the process of the profiles has open.

/** profiles: how far the log was applied, which rules judged everybody, and the next id. One row. Key: id. */
export interface ProfilePositionTable {
  id: number
  position: number
  next_profile: number
  /** Rules by which everybody up to judged_to was judged. */
  judged_by: string
  judged_to: number
  /** SQLite: profiles up to this id have their identifiers in their table. */
  indexed_to: number
}

/** profiles: streams whose kept history is being read again. Key: stream. */
export interface ProfileAgainTable {
  stream: string
  fields: string // JSON: names
  since: number // moment of the oldest record that the log still held
  cleared_to: number | null // id of a profile; null: all are cleared
  position: number
  end_offset: number
  started_at: number
}

/** profiles: one person each, or where one went. Key: id. */
export interface ProfilesTable {
  id: number
  flip_at: number | null
  merged_into: number | null // then the others are empty
  updated_at: number
  members: string // JSON; '' where it is in no audience
  fields: string // JSON
  core: string // packed: see profiles/packed.ts
}

/** profiles: what finds a profile. Key: field, value. */
export interface ProfileIdentifiersTable {
  field: string
  value: string
  profile: number
}

/** profiles: joins of two profiles. Key: id. */
export interface ProfileMergesTable {
  id: Generated<number>
  at: number
  record_offset: number
  survivor: number
  loser: number
  identifiers: string // JSON: [field, value] of each that the loser had
  undone_at: number | null
}

/** profiles: identifiers that joined nobody, and why. Key: id. */
export interface ProfileConflictsTable {
  id: Generated<number>
  at: number
  record_offset: number
  stream: string
  field: string
  value: string
  reason: string
  kept: number | null
  other: number | null
}

/** profiles: pairs of identifiers that an operator said never to join. Key: a, b. */
export interface ProfileNeverLinksTable {
  a: string // JSON: [field, value]; a < b
  b: string
  note: string
  created_at: number
}

/** profiles: who is in which audience now. Key: audience, profile. */
export interface AudienceMembersTable {
  audience: number
  profile: number
  since: number
}

/** profiles: who entered or left an audience, when and why. Key: id. */
export interface AudienceMovesTable {
  id: Generated<number>
  audience: number
  profile: number
  at: number
  entered: number
  cause: string // see MOVE_CAUSES
  record_offset: number | null
}

/** profiles: how many moved, by audience and quarter of an hour. Key: audience, quarter. */
export interface AudienceQuartersTable {
  audience: number
  /** Since the epoch. */
  quarter: number
  entered: number
  departed: number
}

/** profiles: audiences on their way to a vendor. Key: number. */
export interface ExportsTable {
  number: Generated<number>
  name: string // unique among those not deleted
  state: string // draft | running | paused | halted | removing | deleted
  state_reason: string
  state_since: number
  version: number
  since: string // JSON: audience number → moment from which entering counts, where those who are in already do not
  created_at: number
  started_at: number | null
}

/** profiles: every definition that an export had. Key: export, version. */
export interface ExportVersionsTable {
  export: number
  version: number
  definition: string // JSON
  note: string
  author: string // label of the token that saved it
  created_at: number
}

/** profiles: what each batch of an export did, the newest some thousand. Key: export, number. */
export interface ExportLogTable {
  export: number
  number: number // counts up from 1
  at: number
  lane: string // live | backfill
  people: number
  added: number // slugs
  removed: number // slugs
  refused: number // people
  omitted: number // since the entry before: people whom the vendor could not find, because they have no identifier
  requests: number
  status: number // of the last answer; 0: there was none
  message: string
}

/** profiles, in the store of profiles: what each export follows, as it was told last. Key: export. */
export interface ExportRulesTable {
  export: number
  rule: string // JSON
  walk: string // none | people | profiles: what is still to be gone through because the rule changed
  walk_after: string // JSON: how far that has come
  omitted: number // moves of people without an identifier
  omitted_told: number // of these, those that the log has
}

/** profiles, in the store of profiles: what a vendor should hold of a person, and what it accepted. Key: export, kind, label, value. */
export interface ExportPeopleTable {
  export: number
  kind: string // external_id | braze_id | alias
  label: string // of an alias; '' otherwise
  value: string
  profile: number // who has the identifier, or had it last
  held: number // 1: has it now
  wanted: string // JSON array of audience numbers, ascending
  wanted_count: number
  sent: string // JSON array of slugs that the vendor accepted, sorted
  doubt: string // JSON array of slugs that may have been told, or must be told in any case, sorted
  state: string // settled | pending | sending | refused
  reason: string // of refused
  attempts: number // batches that ended in a refusal
  lane: string // live | backfill
  due_at: number // of pending
  revision: number // counts changes, so that a batch knows whether what it told is still all
  updated_at: number
}
