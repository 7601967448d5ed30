/**
 * Errors are thrown when a caller or a programmer broke a rule. One class, registered codes, the cause kept.
 * The message says what, where and how to mend it; it never repeats its cause.
 */

/** Every code, the HTTP status that the API gives it, and what it means. The reference page is generated from this table. */
export const ERROR_CODES = {
  ACTIVATION_BUSY: [409, 'The cohort has a run that is not finished.'],
  ACTIVATION_COLUMNS: [422, 'No column of the result says who is meant, or it cannot be told which.'],
  ACTIVATION_IN_USE: [409, 'Other activations run after this one.'],
  ACTIVATION_INVALID: [422, 'The definition of the activation does not hold together.'],
  ACTIVATION_NAME_TAKEN: [409, 'Another activation already has this name.'],
  ACTIVATION_UNKNOWN: [404, 'No activation has this name or number.'],
  ALERT_CHANNEL_INVALID: [422, 'The definition of the channel for alerts does not hold together.'],
  ALERT_CHANNEL_UNKNOWN: [404, 'No channel for alerts has this id or name.'],
  ALERT_UNKNOWN: [404, 'No alert has this id.'],
  AUDIENCE_INVALID: [422, 'The definition of the audience does not hold together.'],
  AUDIENCE_IN_USE: [409, 'An export or another audience still needs the audience.'],
  AUDIENCE_SLUG_TAKEN: [409, 'Another audience already has this slug.'],
  AUDIENCE_UNKNOWN: [404, 'No audience has this slug or number.'],
  AUDIT_UNKNOWN: [404, 'The trail of changes has no entry of this number, or not any more.'],
  AUTHORIZATION_UNKNOWN: [404, 'No authorization has this id.'],
  AUTHORIZATION_IN_USE: [
    409,
    'A current, a query engine, an export or a channel for alerts still uses the authorization.',
  ],
  BACKUP_BROKEN: [422, 'A backup is not whole, or is not one that this program can read.'],
  BACKUP_BUSY: [409, 'Another backup is being made.'],
  BACKUP_UNKNOWN: [404, 'No backup has this id.'],
  BODY_MEDIA: [415, 'The API takes JSON only.'],
  BODY_OVERSIZED: [413, 'The body of a request to the API is larger than allowed.'],
  CATALOG_BROKEN: [500, 'The built-in event catalog does not hold together.'],
  CONFIG_AMBIGUOUS: [409, 'Two objects have the name by which files would tell them apart.'],
  CONFIG_BUSY: [409, 'Another apply is under way.'],
  CONFIG_DRIFT: [409, 'An object was changed by somebody else since the last apply; nothing was applied.'],
  CONFIG_FAILED: [500, 'An apply stopped half-way; the details say what was done. It may be run again.'],
  CONFIG_INVALID: [422, 'Documents do not hold together; the details list everything found.'],
  CONFIG_SECRETS: [422, 'Secrets that the documents refer to were not given; nothing was applied.'],
  CONFIG_STALE: [409, 'What would be done is not what was shown before; nothing was applied.'],
  CONFIG_UNKNOWN: [404, 'There is no apply of this number.'],
  CURRENT_OF_ACTIVATION: [409, 'The current belongs to an activation and is changed through it.'],
  CURRENT_UNKNOWN: [404, 'No current has this id or name.'],
  CURRENT_NAME_TAKEN: [409, 'Another current already has this name.'],
  CURRENT_STATE: [409, 'The current cannot do this in the state it is in.'],
  CURRENT_INVALID: [422, 'The definition of the current does not hold together.'],
  DEAD_LETTER_UNKNOWN: [404, 'No dead letter has this id.'],
  DEAD_LETTER_STATE: [409, 'The dead letter was already redriven or discarded.'],
  DEFECT: [500, 'Thalweg failed in a way that it should not.'],
  DEMO_REFUSED: [403, 'Only the demo, on its own machine, lets anybody in without a password.'],
  DRIFT_UNKNOWN: [404, 'No event of this type has been counted.'],
  ENGINE_NAME_TAKEN: [409, 'Another query engine already has this name.'],
  ENGINE_UNKNOWN: [404, 'No query engine has this name.'],
  ENGINE_UNREACHABLE: [503, 'The query engine does not answer, or refuses our connection.'],
  ERASURE_UNKNOWN: [404, 'No erasure has this id.'],
  EVENT_UNKNOWN: [404, 'No kept event has this id.'],
  EXPORT_INVALID: [422, 'The definition of the export does not hold together.'],
  EXPORT_NAME_TAKEN: [409, 'Another export already has this name.'],
  EXPORT_STATE: [409, 'The export cannot do this in the state it is in.'],
  EXPORT_UNKNOWN: [404, 'No export has this name or number.'],
  FILES_CHANGED: [409, 'The file is not the one that was listed: it was changed since.'],
  FILES_DAMAGED: [422, 'The content of a file is not what it says it is.'],
  FILES_MISSING: [404, 'There is no such file, folder or bucket.'],
  FILES_NAME: [422, 'The name of a file would leave its folder or cannot be used.'],
  FILES_REFUSED: [403, 'The folder or bucket does not let Thalweg do this.'],
  FILES_UNAVAILABLE: [503, 'The folder or bucket does not answer.'],
  FILTERQL_INVALID: [422, 'The text is not FilterQL, or asks what the fields cannot be asked.'],
  HUB_UNREACHABLE: [503, 'No hub answers at the address that the command line uses.'],
  IMPORT_STATE: [409, 'The import cannot do this in the state it is in.'],
  IMPORT_UNKNOWN: [404, 'No source of files has this name.'],
  INPUT_INVALID: [400, 'The request does not fit the documented shape.'],
  KERNEL_MISSING: [500, 'The scanning kernel could not be loaded.'],
  LEASE_LOST: [503, 'Another node may do by now what this one was about to write.'],
  LINK_REFUSED: [403, 'The one-time link is wrong, was used, or is too old.'],
  LIVE_FULL: [503, 'As many live streams as allowed are open already.'],
  LOG_CORRUPT: [500, 'The log holds bytes that do not check out.'],
  LOG_FULL: [
    503,
    'The log cannot take more now: a full disk, no segment ready, or a cluster without quorum.',
  ],
  LOG_LOCKED: [500, 'Another process uses this data directory.'],
  LOG_STOPPED: [503, 'The log stopped after a failed write; restart after mending the disk.'],
  LOG_TRIMMED: [410, 'The asked entries are no longer kept.'],
  LOG_UNCONFIRMED: [503, 'The log did not confirm in time; what was sent may be kept or not.'],
  LOG_UNREACHABLE: [503, 'The servers that keep the log do not answer, or do not let this hub in.'],
  NODE_BUSY: [503, 'The node that does this did not let go in time.'],
  NODE_STATE: [409, 'The node is in a state that does not allow this.'],
  NODE_UNKNOWN: [404, 'No node of the cluster has this name or id.'],
  PASSWORD_REFUSED: [403, 'The old password is wrong.'],
  PEOPLE_FULL: [409, 'There are as many people as allowed.'],
  PERSON_DISABLED: [409, 'The person is disabled.'],
  PERSON_EMAIL_TAKEN: [409, 'Another person already has this e-mail address.'],
  PERSON_LAST_ADMIN: [409, 'This is the last admin who can sign in.'],
  PERSON_ONLY: [403, 'This is for people who have signed in, not for API tokens.'],
  PERSON_UNKNOWN: [404, 'No person has this id or e-mail address.'],
  PORT_TAKEN: [500, 'The port to listen on is in use, or reserved.'],
  PROFILES_UNAVAILABLE: [503, 'The process that keeps the profiles does not answer; it is started again.'],
  PROFILE_UNKNOWN: [404, 'No profile has this id or identifier.'],
  PROFILE_MERGE_UNKNOWN: [404, 'No join of profiles has this number.'],
  PROFILE_MERGE_STATE: [409, 'The join of profiles was undone already, or is past undoing.'],
  PROFILE_SCHEMA_INVALID: [422, 'The schema of profiles does not hold together.'],
  QUERIES_FULL: [503, 'As many queries as allowed run already.'],
  QUERY_CANCELLED: [409, 'The query was cancelled.'],
  QUERY_FAILED: [422, "The engine could not run the query; the message is the engine's own."],
  QUERY_REFUSED: [422, 'The text is not one statement that only reads.'],
  QUERY_TIMEOUT: [504, 'The query took longer than allowed.'],
  QUERY_UNKNOWN: [404, 'No query that runs or ran lately has this id.'],
  REPLAY_INVALID: [422, 'The replay window does not hold together.'],
  REPLAY_UNKNOWN: [404, 'No replay has this id.'],
  REQUEST_FOREIGN: [403, 'A request from a browser did not come from the console.'],
  RESTORE_TARGET: [409, 'A backup is put into an empty data folder only.'],
  ROUTE_UNKNOWN: [404, 'Nothing answers at this address.'],
  ROSTER_BROKEN: [500, 'The record of what a cohort holds cannot be opened or worked on.'],
  ROSTER_MISSING: [
    409,
    'The record of what a cohort holds is not in this data folder, or is older than its last run.',
  ],
  RUN_STATE: [409, 'The run cannot do this in the state it is in.'],
  RUN_UNKNOWN: [404, 'The activation has no run of this number.'],
  SANDBOX_UNKNOWN: [404, 'The sandbox has no such double.'],
  SAVED_QUERY_NAME_TAKEN: [409, 'Another saved query already has this name.'],
  SAVED_QUERY_UNKNOWN: [404, 'No saved query has this name.'],
  SEALING_KEY: [500, 'The sealing key is missing or does not open what it sealed.'],
  SETTINGS_INVALID: [500, 'A setting has a value that cannot be used.'],
  SEGMENT_INVALID: [422, 'The rule of the segment does not hold together.'],
  SEGMENT_IN_USE: [409, 'An activation still sends the segment.'],
  SEGMENT_NAME_TAKEN: [409, 'Another segment already has this name.'],
  SEGMENT_UNKNOWN: [404, 'No segment has this name.'],
  SESSION_ENDED: [401, 'The session has ended: sign in again.'],
  SESSION_UNKNOWN: [404, 'You have no session of this id.'],
  SETUP_DONE: [409, 'Thalweg has an owner already.'],
  SETUP_REFUSED: [403, 'The set-up code is wrong.'],
  SIGN_IN_ATTEMPTS: [429, 'Too many attempts to sign in failed, or too many are under way.'],
  SIGN_IN_REFUSED: [401, 'The e-mail address or the password is wrong.'],
  SOURCE_UNKNOWN: [404, 'No source has this name.'],
  SOURCE_NAME_TAKEN: [409, 'Another source already has this name.'],
  SOURCE_IN_USE: [409, 'A current still reads from the source.'],
  STORE_UNAVAILABLE: [503, 'The control-plane database does not answer.'],
  STORE_NEWER: [500, 'The database was written by a newer Thalweg.'],
  TOKEN_ATTEMPTS: [429, 'Too many wrong API tokens came from this address.'],
  TOKEN_FORBIDDEN: [403, 'The role of this token or person does not allow this.'],
  TOKEN_LAST: [409, 'This is the last API token with the role admin.'],
  TOKEN_MISSING: [401, 'This address needs an API token or a session.'],
  TOKEN_REFUSED: [401, 'The API token is wrong or was revoked.'],
  TOKEN_UNKNOWN: [404, 'No API token has this id.'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>

export type ErrorCode = keyof typeof ERROR_CODES

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code)
}

export class ThalwegError extends Error {
  override readonly name = 'ThalwegError'
  readonly code: ErrorCode
  /** What a program can use beside the message, such as a position in a text; given to callers of the API. Never holds a secret. */
  readonly details: unknown

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; details?: unknown }) {
    super(message, options)
    this.code = code
    this.details = options?.details
  }

  get status(): number {
    return ERROR_CODES[this.code][0]
  }
}

/** What the API refused, as it was thrown there. A newer hub may know codes that we do not. */
export function refusalFrom(refusal: { code: string; message: string; details?: unknown }): ThalwegError {
  const { code, message, details } = refusal
  return isErrorCode(code)
    ? new ThalwegError(code, message, { details })
    : new ThalwegError('DEFECT', `${message} (${code})`)
}
