import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { VirtualClock } from '../core/clock.ts'
import type { Dialect } from '../store/columns.ts'
import { type Access, openAccess, PER_ADDRESS, PER_EMAIL } from './access.ts'
import { LINK_MS, PEOPLE_MAX } from './people.ts'
import { SESSIONS_MAX } from './sessions.ts'
import { SETUP_FILE } from './setup.ts'

const NOW = 1_760_000_000_000
const HOUR = 3_600_000
const LIMITS = { sessionIdleMs: 12 * HOUR, sessionAgeMs: 7 * 24 * HOUR, auditRetentionAgeMs: 400 * 24 * HOUR }
const FROM = { agent: 'Firefox', address: '192.0.2.1' }
const OWNER = { name: 'Ann Lee', email: 'Ann@Example.com', password: 'a horse and a battery' }

async function opened({ dialect = 'sqlite', demo = false }: { dialect?: Dialect; demo?: boolean } = {}) {
  const clock = new VirtualClock(NOW)
  const store = await freshStore(dialect, clock)
  const dataDir = await tempFolder()
  const options = { store, clock, dataDir, demo, limits: LIMITS, logger: { warn: () => undefined } }
  const first = await openAccess(options)
  onTestFinished(() => first.access.stop())
  const again = async () => {
    const next = await openAccess(options)
    onTestFinished(() => next.access.stop())
    return next
  }
  return { ...first, clock, store, dataDir, again }
}

async function withOwner(options: { dialect?: Dialect } = {}) {
  const here = await opened(options)
  const owner = await here.access.setUp({ ...OWNER, code: here.setupCode ?? '' }, FROM)
  return { ...here, owner }
}

/** Somebody who has accepted an invitation. */
async function joined(access: Access, email: string, role: 'viewer' | 'operator' | 'admin') {
  const { link } = await access.people.invite({ email, name: email, role })
  return access.accept({ code: link.code, password: `${email} has a password` }, FROM)
}

function refusal(code: string) {
  return expect.objectContaining({ code })
}

describe.each(DIALECTS)('people on %s', (dialect) => {
  test('an invitation is accepted once, and then signs in', async () => {
    const { access, store } = await withOwner({ dialect })
    const { person, link } = await access.people.invite({
      email: 'ben@example.com',
      name: 'Ben',
      role: 'viewer',
    })
    expect(person).toMatchObject({ state: 'invited', linkUntil: NOW + LINK_MS, seenAt: null })
    const { caller } = await access.accept({ code: link.code, password: 'correct horse staple' }, FROM)
    expect(caller).toMatchObject({
      kind: 'person',
      id: person.id,
      name: 'Ben',
      email: 'ben@example.com',
      role: 'viewer',
    })
    await expect(access.accept({ code: link.code, password: 'another good one' }, FROM)).rejects.toEqual(
      refusal('LINK_REFUSED'),
    )
    expect((await access.signIn('BEN@example.com ', 'correct horse staple', FROM)).caller.id).toBe(person.id)
    const rows = await store.db.selectFrom('people').selectAll().execute()
    const kept = JSON.stringify(rows.map((row) => ({ ...row, link_hash: row.link_hash && 'hash' })))
    expect(kept).not.toContain('staple')
    expect(kept).not.toContain(link.code)
    expect(rows.map((row) => row.password?.slice(0, 31))).toEqual([
      '$argon2id$v=19$m=19456,t=2,p=1$',
      '$argon2id$v=19$m=19456,t=2,p=1$',
    ])
  })

  test('addresses are unique in whatever case, and by them people are found', async () => {
    const { access } = await withOwner({ dialect })
    await expect(
      access.people.invite({ email: 'ann@example.COM', name: 'A', role: 'viewer' }),
    ).rejects.toEqual(refusal('PERSON_EMAIL_TAKEN'))
    const { person } = await access.people.invite({ email: 'b@example.com', name: 'B', role: 'viewer' })
    await expect(access.people.change('b@example.com', { email: 'ANN@example.com' })).rejects.toEqual(
      refusal('PERSON_EMAIL_TAKEN'),
    )
    expect((await access.people.change('B@EXAMPLE.com', { name: 'Bo', role: 'operator' })).name).toBe('Bo')
    expect(await access.people.get(person.id)).toMatchObject({ name: 'Bo', role: 'operator' })
    await access.people.remove('b@example.com')
    await expect(access.people.get(person.id)).rejects.toEqual(refusal('PERSON_UNKNOWN'))
  })

  test('the last admin who can sign in stays one; another who only was invited does not count', async () => {
    const { access, owner } = await withOwner({ dialect })
    await access.people.invite({ email: 'invited@example.com', name: 'I', role: 'admin' })
    const { id } = owner.caller
    const last = refusal('PERSON_LAST_ADMIN')
    await expect(access.people.change(id, { role: 'operator' })).rejects.toEqual(last)
    await expect(access.people.change(id, { disabled: true })).rejects.toEqual(last)
    await expect(access.people.remove(id)).rejects.toEqual(last)
    expect((await access.people.change(id, { role: 'admin', name: 'Ann' })).role).toBe('admin')
    const second = await joined(access, 'second@example.com', 'admin')
    await access.people.change(id, { role: 'viewer' })
    await expect(access.people.remove(second.caller.id)).rejects.toEqual(last)
  })

  test('two admins who disable each other at once do not both succeed', async () => {
    const { access, owner } = await withOwner({ dialect })
    const second = await joined(access, 'second@example.com', 'admin')
    const outcomes = await Promise.allSettled(
      [owner, second].map(({ caller }) => access.people.change(caller.id, { disabled: true })),
    )
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('a role counts at once; whoever is disabled is out at once, and back in as before', async () => {
    const { access } = await withOwner({ dialect })
    const { caller, secret } = await joined(access, 'ben@example.com', 'admin')
    await access.people.change(caller.id, { role: 'viewer' })
    expect((await access.bySession(secret))?.role).toBe('viewer')
    await access.people.change(caller.id, { disabled: true })
    expect(await access.bySession(secret)).toBeUndefined()
    await expect(access.people.newLink(caller.id)).rejects.toEqual(refusal('PERSON_DISABLED'))
    await expect(access.signIn('ben@example.com', 'ben@example.com has a password', FROM)).rejects.toEqual(
      refusal('SIGN_IN_REFUSED'),
    )
    expect((await access.people.change(caller.id, { disabled: false })).state).toBe('active')
    await access.signIn('ben@example.com', 'ben@example.com has a password', FROM)
  })

  test('a session is told by its secret, noted to the minute, and ends idle, by age, or when told', async () => {
    const { access, owner, clock, store } = await withOwner({ dialect })
    const { id } = owner.caller
    const other = await access.signIn(OWNER.email, OWNER.password, { agent: 'x'.repeat(999), address: '::1' })
    const hashes = await store.db.selectFrom('sessions').select('hash').execute()
    expect(hashes.map(({ hash }) => hash.length)).toEqual([32, 32])
    await clock.advance(59_000)
    await access.bySession(owner.secret)
    expect(await access.sessions.list(id)).toMatchObject([{ seenAt: NOW }, { seenAt: NOW }])
    await clock.advance(1_000)
    await access.bySession(owner.secret)
    expect(await access.sessions.list(id)).toMatchObject([
      { id: owner.caller.session, agent: 'Firefox', address: '192.0.2.1', seenAt: NOW + 60_000 },
      { agent: 'x'.repeat(300), address: '::1', seenAt: NOW },
    ])
    await expect(access.sessions.end('person_other', other.caller.session ?? '')).rejects.toEqual(
      refusal('SESSION_UNKNOWN'),
    )
    expect(await access.sessions.endOthers(id, owner.caller.session ?? '')).toBe(1)
    expect(await access.bySession(other.secret)).toBeUndefined()
    for (let hours = 0; hours < 7 * 24 - 1; hours += 11) {
      await clock.advance(11 * HOUR)
      const still = hours + 11 < 7 * 24
      expect((await access.bySession(owner.secret)) !== undefined, `${hours + 11} h`).toBe(still)
    }
    const idle = await access.signIn(OWNER.email, OWNER.password, FROM)
    await clock.advance(12 * HOUR)
    expect(await access.bySession(idle.secret)).toBeUndefined()
    await access.sessions.purge()
    expect(await store.db.selectFrom('sessions').select('id').execute()).toEqual([])
  })
})

describe('the owner', () => {
  test('is made by the code that lies in the data directory until it is used', async () => {
    const { access, setupCode = '', dataDir, again } = await opened()
    const file = join(dataDir, SETUP_FILE)
    expect(setupCode).toMatch(/^thalweg_setup_[\w-]{43}$/)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await readFile(file, 'utf8')).trim()).toBe(setupCode)
    expect((await again()).setupCode).toBe(setupCode)
    await expect(access.setUp({ ...OWNER, code: `${setupCode}x` }, FROM)).rejects.toEqual(
      refusal('SETUP_REFUSED'),
    )
    expect(await access.people.needsOwner()).toBe(true)
    const { caller } = await access.setUp({ ...OWNER, code: setupCode }, FROM)
    expect(caller).toMatchObject({ name: 'Ann Lee', email: 'Ann@Example.com', role: 'admin' })
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(access.setUp({ ...OWNER, email: 'b@example.com', code: setupCode }, FROM)).rejects.toEqual(
      refusal('SETUP_DONE'),
    )
    expect((await again()).setupCode).toBeUndefined()
  })

  test('of two who use the code at once, one is made', async () => {
    const { access, setupCode = '' } = await opened()
    const outcomes = await Promise.allSettled(
      ['a@example.com', 'b@example.com'].map((email) =>
        access.setUp({ ...OWNER, email, code: setupCode }, FROM),
      ),
    )
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await access.people.list()).toHaveLength(1)
  })

  test('of the demo comes in without a password, counts for no admin, and can be shut out', async () => {
    const { access } = await opened({ demo: true })
    const { caller } = await access.signInToDemo(FROM)
    expect(caller).toMatchObject({ name: 'Demo owner', role: 'admin' })
    expect((await access.signInToDemo(FROM)).caller.id).toBe(caller.id)
    expect(await access.people.needsOwner()).toBe(true)
    await access.people.change(caller.id, { disabled: true })
    await expect(access.signInToDemo(FROM)).rejects.toEqual(refusal('DEMO_REFUSED'))
    const { access: serious } = await opened()
    await expect(serious.signInToDemo(FROM)).rejects.toEqual(refusal('DEMO_REFUSED'))
  })
})

describe('signing in', () => {
  const wrong: readonly [what: string, email: string, password: string][] = [
    ['a wrong password', OWNER.email, 'a horse and another'],
    ['an address that nobody has', 'nobody@example.com', OWNER.password],
    ['somebody who has not chosen a password', 'invited@example.com', OWNER.password],
    ['the owner of the demo', 'owner@demo.invalid', '*'],
  ]
  test.each(wrong)('%s is refused in the same words', async (_, email, password) => {
    const { access } = await withOwner()
    await access.people.invite({ email: 'invited@example.com', name: 'I', role: 'admin' })
    await access.people.demoOwner()
    await expect(access.signIn(email, password, FROM)).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      message: 'The e-mail address or the password is wrong',
    })
  })

  test('the same password in other code points is the same', async () => {
    const { access, setupCode = '' } = await opened()
    await access.setUp({ ...OWNER, password: 'un café très noir', code: setupCode }, FROM)
    await access.signIn(OWNER.email, 'un cafe\u0301 tre\u0300s noir', FROM)
  })

  test('guessing for one address is ended, from wherever it comes, and goes on after a while', async () => {
    const { access, clock } = await withOwner()
    const from = (i: number) => ({ agent: '', address: `192.0.2.${i}` })
    for (let i = 0; i < PER_EMAIL.failuresMax; i++)
      await expect(access.signIn(OWNER.email, `wrong ${i}`, from(i))).rejects.toEqual(
        refusal('SIGN_IN_REFUSED'),
      )
    await expect(access.signIn(OWNER.email, OWNER.password, from(99))).rejects.toEqual(
      refusal('SIGN_IN_ATTEMPTS'),
    )
    await clock.advance(PER_EMAIL.windowMs)
    await access.signIn(OWNER.email, OWNER.password, from(99))
  })

  test('guessing from one address is ended, whatever is guessed', async () => {
    const { access, clock } = await withOwner()
    for (let i = 0; i < PER_ADDRESS.failuresMax; i++)
      await expect(access.accept({ code: `wrong ${i}`, password: 'never so far' }, FROM)).rejects.toEqual(
        refusal('LINK_REFUSED'),
      )
    await expect(access.signIn(OWNER.email, OWNER.password, FROM)).rejects.toEqual(
      refusal('SIGN_IN_ATTEMPTS'),
    )
    await clock.advance(PER_ADDRESS.windowMs)
    await access.signIn(OWNER.email, OWNER.password, FROM)
  })

  test('more than can be hashed in turn are turned away, and none of the others', async () => {
    const { access } = await withOwner()
    const tries = Array.from({ length: 25 }, (_, i) =>
      access.signIn(`${i}@example.com`, 'whatever it is', { agent: '', address: `192.0.2.${i}` }),
    )
    const codes = (await Promise.allSettled(tries)).map((one) =>
      one.status === 'rejected' ? (one.reason as { code: string }).code : 'in',
    )
    expect(codes.filter((code) => code === 'SIGN_IN_REFUSED')).toHaveLength(20)
    expect(codes.filter((code) => code === 'SIGN_IN_ATTEMPTS')).toHaveLength(5)
  })
})

describe('links and passwords', () => {
  test('a link is good for a day, a newer one takes its place, and its use ends all sessions', async () => {
    const { access, clock, owner } = await withOwner()
    const { id } = owner.caller
    const first = await access.people.newLink(id)
    const second = await access.people.newLink(id)
    const use = (code: string) => access.accept({ code, password: 'a new password' }, FROM)
    await expect(use(first.link.code)).rejects.toEqual(refusal('LINK_REFUSED'))
    await use(second.link.code)
    expect(await access.bySession(owner.secret)).toBeUndefined()
    const third = await access.people.newLink(id)
    await clock.advance(LINK_MS)
    await expect(use(third.link.code)).rejects.toEqual(refusal('LINK_REFUSED'))
    expect((await access.people.get(id)).linkUntil).toBeNull()
  })

  test('one’s own password needs the old one, and ends the other sessions', async () => {
    const { access, owner } = await withOwner()
    const other = await access.signIn(OWNER.email, OWNER.password, FROM)
    const change = (old: string) =>
      access.changeOwn(owner.caller, { password: { old, new: 'a better password' } }, FROM.address)
    await expect(change('wrong')).rejects.toEqual(refusal('PASSWORD_REFUSED'))
    expect(await access.bySession(other.secret)).toBeDefined()
    await change(OWNER.password)
    expect(await access.bySession(other.secret)).toBeUndefined()
    expect(await access.bySession(owner.secret)).toBeDefined()
    await access.signIn(OWNER.email, 'a better password', FROM)
    const token = { ...owner.caller, kind: 'token' as const, session: null }
    await expect(access.changeOwn(token, { name: 'x' }, FROM.address)).rejects.toEqual(refusal('PERSON_ONLY'))
  })
})

test('people and sessions of one person are bounded', async () => {
  const { access, store, clock, owner } = await withOwner()
  for (let i = 0; i < SESSIONS_MAX; i++) {
    await clock.advance(1)
    await access.sessions.open(owner.caller.id, FROM)
  }
  expect(await access.sessions.list(owner.caller.id)).toHaveLength(SESSIONS_MAX)
  expect(await access.bySession(owner.secret)).toBeUndefined()
  const row = await store.db.selectFrom('people').selectAll().executeTakeFirstOrThrow()
  const many = Array.from({ length: PEOPLE_MAX - 1 }, (_, i) => ({ ...row, id: `p${i}`, email_key: `${i}` }))
  await store.db.insertInto('people').values(many).execute()
  await expect(access.people.invite({ email: 'x@y.z', name: 'X', role: 'viewer' })).rejects.toEqual(
    refusal('PEOPLE_FULL'),
  )
})
