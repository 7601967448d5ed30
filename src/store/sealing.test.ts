import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freshStore } from '../../test/support/store.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { Secret } from '../core/secret.ts'
import { openSealer, sealerOf, sharedSecret } from './sealing.ts'

const plain = new TextEncoder().encode('{"apiKey":"geheim"}')
const keyA = new Uint8Array(32).fill(1)
const keyB = new Uint8Array(32).fill(2)

function keySetting(key: Uint8Array): Secret<string> {
  return new Secret(Buffer.from(key).toString('base64'))
}

test('what was sealed opens again, hides its content, and is never twice the same', () => {
  const sealer = sealerOf(keyA)
  const sealed = sealer.seal(plain, 'auth_1')
  expect(sealer.open(sealed, 'auth_1')).toEqual(plain)
  expect(Buffer.from(sealed).includes('geheim')).toBe(false)
  expect(sealer.seal(plain, 'auth_1')).not.toEqual(sealed)
  expect(sealer.open(sealer.seal(new Uint8Array(0), 'a'), 'a')).toEqual(new Uint8Array(0))
})

test.each<[string, (sealed: Uint8Array) => Uint8Array, string, Uint8Array]>([
  ['another key', (sealed) => sealed, 'auth_1', keyB],
  ['another id', (sealed) => sealed, 'auth_2', keyA],
  ['a changed version', (sealed) => sealed.with(0, 9), 'auth_1', keyA],
  ['a changed fingerprint', (sealed) => flipped(sealed, 1), 'auth_1', keyA],
  ['a changed nonce', (sealed) => flipped(sealed, 6), 'auth_1', keyA],
  ['a changed text', (sealed) => flipped(sealed, 20), 'auth_1', keyA],
  ['a changed tag', (sealed) => flipped(sealed, sealed.length - 1), 'auth_1', keyA],
  ['a cut end', (sealed) => sealed.subarray(0, -1), 'auth_1', keyA],
  ['almost nothing', (sealed) => sealed.subarray(0, 10), 'auth_1', keyA],
  ['nothing', () => new Uint8Array(0), 'auth_1', keyA],
])('%s does not open', (_, change, id, key) => {
  const sealed = change(sealerOf(keyA).seal(plain, 'auth_1'))
  expect(() => sealerOf(key).open(sealed, id)).toThrow(expect.objectContaining({ code: 'SEALING_KEY' }))
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, (bytes[at] ?? 0) ^ 1)
}

test('the first start makes a key file for its owner alone, and the next ones use it', async () => {
  const store = await freshStore()
  const dataDir = join(await tempFolder(), 'new')
  const first = await openSealer(store, { key: undefined, dataDir })
  expect(await readdir(dataDir)).toEqual(['sealing.key'])
  expect((await stat(join(dataDir, 'sealing.key'))).mode & 0o777).toBe(0o600)
  const second = await openSealer(store, { key: undefined, dataDir })
  expect(second.open(first.seal(plain, 'a'), 'a')).toEqual(plain)
})

test('two first starts at once end up with one key', async () => {
  const store = await freshStore()
  const dataDir = await tempFolder()
  const [a, b] = await Promise.all([
    openSealer(store, { key: undefined, dataDir }),
    openSealer(store, { key: undefined, dataDir }),
  ])
  expect(b.open(a.seal(plain, 'x'), 'x')).toEqual(plain)
  expect(await readdir(dataDir)).toEqual(['sealing.key'])
})

test('the content of the file may be given as the setting instead', async () => {
  const store = await freshStore()
  const dataDir = await tempFolder()
  const byFile = await openSealer(store, { key: undefined, dataDir })
  const text = await readFile(join(dataDir, 'sealing.key'), 'utf8')
  const bySetting = await openSealer(store, { key: new Secret(text), dataDir: await tempFolder() })
  expect(bySetting.open(byFile.seal(plain, 'a'), 'a')).toEqual(plain)
})

test('a database that was begun with another key is refused, and no key is made up for it', async () => {
  const store = await freshStore()
  const dataDir = await tempFolder()
  await openSealer(store, { key: keySetting(keyA), dataDir })
  await expect(openSealer(store, { key: keySetting(keyB), dataDir })).rejects.toMatchObject({
    code: 'SEALING_KEY',
    message: expect.stringMatching(
      /sealed with the key [0-9a-f]{8}, but THALWEG_KEY holds the key [0-9a-f]{8}/,
    ),
  })
  await expect(openSealer(store, { key: undefined, dataDir })).rejects.toMatchObject({
    code: 'SEALING_KEY',
    message: expect.stringContaining('is gone and THALWEG_KEY is not set'),
  })
  expect(await readdir(dataDir)).toEqual([])
})

test.each<[string, (file: string) => Promise<void>, RegExp]>([
  ['readable by others', (file) => chmod(file, 0o640), /chmod 600/],
  ['empty', (file) => writeFile(file, ''), /does not hold a key: 32 bytes/],
  ['a passphrase', (file) => writeFile(file, 'correct horse battery staple'), /does not hold a key/],
  ['gone', (file) => rm(file), /is gone/],
])('a key file that is %s is refused with what to do', async (_, spoil, message) => {
  const store = await freshStore()
  const dataDir = await tempFolder()
  await openSealer(store, { key: undefined, dataDir })
  await spoil(join(dataDir, 'sealing.key'))
  await expect(openSealer(store, { key: undefined, dataDir })).rejects.toMatchObject({
    code: 'SEALING_KEY',
    message: expect.stringMatching(message),
  })
})

test('a secret of all nodes is made once, stays, and is in the database only sealed', async () => {
  const store = await freshStore()
  const sealer = sealerOf(keyA)
  const [a, b] = await Promise.all(['node', 'node'].map((name) => sharedSecret(store, sealer, name)))
  expect(a).toHaveLength(32)
  expect(b).toEqual(a)
  expect(await sharedSecret(store, sealer, 'other')).not.toEqual(a)
  const rows = JSON.stringify(await store.db.selectFrom('meta').selectAll().execute())
  for (const form of ['hex', 'base64', 'base64url'] as const)
    expect(rows).not.toContain(Buffer.from(a ?? []).toString(form))
  await expect(sharedSecret(store, sealerOf(keyB), 'node')).rejects.toMatchObject({ code: 'SEALING_KEY' })
})
