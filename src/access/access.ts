/**
 * Access: who may come in, as what, and what they changed. People sign in with a password and hold a session; programs hold a
 * token; both have a role. The trail keeps what either changed. This room knows names, roles and secrets' hashes; it must never
 * keep or log a secret itself, never know what an object of the trail means, and never decide what a route needs.
 */

import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Store } from '../store/store.ts'
import { Attempts } from './attempts.ts'
import { Audit } from './audit.ts'
import type { Caller } from './caller.ts'
import { Passwords } from './passwords.ts'
import { People, type Person } from './people.ts'
import { type From, type SessionLimits, Sessions } from './sessions.ts'
import { SetupCode } from './setup.ts'
import { type ApiTokens, openTokens } from './tokens.ts'

/** The part of pino that this room uses. */
export interface AccessLogger {
  warn(fields: object, message: string): void
}

export interface AccessOptions {
  readonly store: Store
  readonly clock: Clock
  readonly logger: AccessLogger
  readonly dataDir: string
  readonly limits: SessionLimits & { readonly auditRetentionAgeMs: number }
  /** Whether the sandbox runs here: then whoever sits at this machine may come in without a password. */
  readonly demo: boolean
}

/** What a sign-in gives: whose it is, and the secret for the cookie. */
export interface SignedIn {
  readonly caller: Caller
  readonly secret: string
}

/** Of one address, whatever it tries. */
export const PER_ADDRESS = { failuresMax: 30, windowMs: 60_000 }
/** Of one e-mail address, from wherever: there may be more addresses than one to guess from. */
export const PER_EMAIL = { failuresMax: 20, windowMs: 300_000 }
const UPKEEP_MS = 3_600_000

/**
 * Opens the room. `firstToken`: an API token with the role admin, given out this once, when the store never had any. `setupCode`:
 * with which the owner can be made, while there is none.
 */
export async function openAccess(options: AccessOptions): Promise<{
  access: Access
  firstToken: string | undefined
  setupCode: string | undefined
}> {
  const { tokens, first } = await openTokens(options.store, options.clock)
  const access = new Access(options, tokens)
  return { access, firstToken: first, setupCode: await access.start() }
}

export class Access {
  readonly tokens: ApiTokens
  readonly people: People
  readonly sessions: Sessions
  readonly audit: Audit
  readonly demo: boolean
  readonly #clock: Clock
  readonly #logger: AccessLogger
  readonly #passwords = new Passwords()
  readonly #addresses: Attempts
  readonly #emails: Attempts
  readonly #setup: SetupCode
  #cancelUpkeep: () => void = () => undefined

  constructor(options: AccessOptions, tokens: ApiTokens) {
    const { store, clock, logger, limits, dataDir, demo } = options
    this.tokens = tokens
    this.people = new People(store, clock)
    this.sessions = new Sessions(store, clock, limits)
    this.audit = new Audit(store, clock, limits.auditRetentionAgeMs)
    this.demo = demo
    this.#clock = clock
    this.#logger = logger
    this.#addresses = new Attempts(clock, PER_ADDRESS)
    this.#emails = new Attempts(clock, PER_EMAIL)
    this.#setup = new SetupCode(dataDir)
  }

  /** Gives the set-up code while there is nobody to sign in. */
  async start(): Promise<string | undefined> {
    this.#upkeep()
    if (await this.people.needsOwner()) return this.#setup.open()
    await this.#setup.close()
    return undefined
  }

  stop(): void {
    this.#cancelUpkeep()
  }

  /** Whose API token this is; undefined: nobody's. Throws TOKEN_ATTEMPTS when too many wrong ones came from the address. */
  async byToken(secret: string, address: string): Promise<Caller | undefined> {
    const token = await this.tokens.holder(secret)
    if (token === undefined) {
      // Holders of a good token behind the same address are never shut out: only wrong tokens are refused for this.
      this.#addresses.failed(address)
      const waitSeconds = this.#addresses.waitSeconds(address)
      if (waitSeconds === 0) return undefined
      throw new ThalwegError(
        'TOKEN_ATTEMPTS',
        `Too many wrong API tokens came from ${address}: wait ${waitSeconds} s`,
      )
    }
    this.tokens.used(token).catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'could not note the use of an API token')
    })
    const { id, label, role } = token
    return { kind: 'token', id, name: label, email: null, role, session: null }
  }

  /** Whose session this is; undefined: nobody's, or it has ended. */
  async bySession(secret: string): Promise<Caller | undefined> {
    const held = await this.sessions.holder(secret)
    return held === undefined ? undefined : callerOf(held.person, held.id)
  }

  /** Throws SIGN_IN_REFUSED, whatever of the two is wrong and in the same time; SIGN_IN_ATTEMPTS after too many. */
  async signIn(email: string, password: string, from: From): Promise<SignedIn> {
    const key = email.trim().toLowerCase()
    this.#refuseMany(from.address, key)
    const known = await this.people.signingIn(email)
    const right = await this.#passwords.verify(password, known?.password ?? null)
    if (known === undefined || !right) {
      this.#addresses.failed(from.address)
      this.#emails.failed(key)
      throw new ThalwegError('SIGN_IN_REFUSED', 'The e-mail address or the password is wrong')
    }
    this.#emails.succeeded(key)
    return this.#enter(known.person, from)
  }

  /** Makes the owner and signs them in. Throws SETUP_REFUSED, SETUP_DONE, PERSON_EMAIL_TAKEN, SIGN_IN_ATTEMPTS. */
  async setUp(
    { code, name, email, password }: { code: string; name: string; email: string; password: string },
    from: From,
  ): Promise<SignedIn> {
    this.#refuseMany(from.address)
    if (!(await this.people.needsOwner()))
      throw new ThalwegError('SETUP_DONE', 'Thalweg has an owner already: sign in')
    const person = await this.#counted(from.address, () =>
      this.#setup.use(code, async () =>
        this.people.createOwner({ name, email }, await this.#passwords.hash(password)),
      ),
    )
    return this.#enter(person, from)
  }

  /** Chooses a password by a one-time link and signs in. Throws LINK_REFUSED, SIGN_IN_ATTEMPTS. */
  async accept(
    { code, password, name }: { code: string; password: string; name?: string | undefined },
    from: From,
  ): Promise<SignedIn> {
    this.#refuseMany(from.address)
    // Before the slow hash, which nobody who guesses codes shall have us make.
    await this.#counted(from.address, () => this.people.ofLink(code))
    const person = await this.people.acceptLink(code, await this.#passwords.hash(password), name)
    return this.#enter(person, from)
  }

  /** As the ready-made admin of the demo. Throws DEMO_REFUSED where there is no demo, or an admin has disabled them. */
  async signInToDemo(from: From): Promise<SignedIn> {
    if (!this.demo)
      throw new ThalwegError('DEMO_REFUSED', 'Only the demo lets anybody in without a password: sign in')
    const person = await this.people.demoOwner()
    if (person.state === 'disabled' || person.role !== 'admin')
      throw new ThalwegError('DEMO_REFUSED', 'An admin has closed this way in: sign in with a password')
    return this.#enter(person, from)
  }

  /** Ends the session that the caller came by. Throws PERSON_ONLY for a token. */
  async signOut(caller: Caller): Promise<void> {
    const { id, session } = personIn(caller)
    await this.sessions.end(id, session)
  }

  /**
   * A person changes their own name or password; with a new password all their other sessions end. Throws PERSON_ONLY for a
   * token, PASSWORD_REFUSED when the old one is wrong, SIGN_IN_ATTEMPTS after too many.
   */
  async changeOwn(
    caller: Caller,
    wanted: { name?: string | undefined; password?: { old: string; new: string } | undefined },
    address: string,
  ): Promise<Person> {
    const { id, session } = personIn(caller)
    const { name, password } = wanted
    if (password !== undefined) {
      this.#refuseMany(address)
      if (!(await this.#passwords.verify(password.old, await this.people.passwordOf(id)))) {
        this.#addresses.failed(address)
        throw new ThalwegError('PASSWORD_REFUSED', 'The old password is wrong')
      }
    }
    const person = await this.people.changeOwn(id, {
      ...(name === undefined ? {} : { name }),
      ...(password === undefined ? {} : { password: await this.#passwords.hash(password.new) }),
    })
    if (password !== undefined) await this.sessions.endOthers(id, session)
    return person
  }

  async #enter(person: Person, from: From): Promise<SignedIn> {
    const { id, secret } = await this.sessions.open(person.id, from)
    return { caller: callerOf(person, id), secret }
  }

  async #counted<T>(address: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.#addresses.failed(address)
      throw error
    }
  }

  /** Throws SIGN_IN_ATTEMPTS. An address that was guessed for too often waits, whether there is such a person or not. */
  #refuseMany(address: string, email?: string): void {
    const waitSeconds = Math.max(
      this.#addresses.waitSeconds(address),
      email === undefined ? 0 : this.#emails.waitSeconds(email),
    )
    if (waitSeconds > 0)
      throw new ThalwegError('SIGN_IN_ATTEMPTS', `Too many attempts failed: wait ${waitSeconds} s`)
  }

  #upkeep(): void {
    Promise.all([this.sessions.purge(), this.audit.purge()]).catch((error: unknown) => {
      this.#logger.warn(
        { err: error },
        'old sessions and entries of the trail could not be removed; trying again',
      )
    })
    this.#cancelUpkeep = this.#clock.after(UPKEEP_MS, () => this.#upkeep())
  }
}

function callerOf({ id, name, email, role }: Person, session: string): Caller {
  return { kind: 'person', id, name, email, role, session }
}

/** Throws PERSON_ONLY. */
export function personIn({ kind, id, session }: Caller): { readonly id: string; readonly session: string } {
  if (kind === 'person' && session !== null) return { id, session }
  throw new ThalwegError('PERSON_ONLY', 'This is for people who have signed in; an API token is no person')
}
