import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BUCKET_CREDENTIALS, testBucket } from '../../test/support/bucket.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { type FileEntry, openPlace, type Place } from './files.ts'
import { parseLocation, showLocation } from './location.ts'

const KINDS: readonly [kind: string, make: () => Promise<Place>][] = [
  ['folder', async () => openPlace({ kind: 'folder', path: await tempFolder() })],
  ['bucket', async () => openPlace(await testBucket('some/prefix'), BUCKET_CREDENTIALS)],
]

describe.each(KINDS)('a place in a %s', (kind, make) => {
  async function place(): Promise<Place> {
    const made = await make()
    onTestFinished(() => made.close())
    return made
  }

  test('gives back what was written, whole and from any byte on', async () => {
    const files = await place()
    const written = await files.write('a/b/c.bin', Buffer.from('0123456789'))
    expect(written).toMatchObject({ name: 'a/b/c.bin', size: 10 })
    expect(await files.find('a/b/c.bin')).toEqual(written)
    for (const [from, expected] of [
      [0, '0123456789'],
      [4, '456789'],
      [9, '9'],
      [10, ''],
      [99, ''],
    ] as const) {
      expect(String(await buffer(await files.read('a/b/c.bin', { from })))).toBe(expected)
      expect(await textOf(await files.pieces('a/b/c.bin', { from }))).toBe(expected)
    }
  })

  test('takes content of any size in parts', async () => {
    const files = await place()
    const part = randomBytes(1024 * 1024)
    const hash = createHash('sha256')
    async function* parts(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 19; i++) {
        hash.update(part)
        yield part
      }
    }
    const { size } = await files.write('large', parts())
    expect(size).toBe(19 * part.length)
    const read = createHash('sha256')
    for await (const bytes of await files.read('large')) read.update(bytes)
    const inPieces = createHash('sha256')
    for await (const bytes of await files.pieces('large')) inPieces.update(bytes)
    const whole = hash.digest('hex')
    expect([read.digest('hex'), inPieces.digest('hex')]).toEqual([whole, whole])
  })

  test('gives pieces of the version asked for, and none once they are destroyed', async () => {
    const files = await place()
    const { version } = await files.write('name', randomBytes(3 * 1024 * 1024))
    await expect(files.pieces('name', { version: 'another' })).rejects.toMatchObject({
      code: 'FILES_CHANGED',
    })
    await expect(files.pieces('nowhere')).rejects.toMatchObject({ code: 'FILES_MISSING' })
    const pieces = await files.pieces('name', { version })
    let read = 0
    for await (const bytes of pieces) {
      read += bytes.length
      break
    }
    pieces.destroy()
    expect(read).toBeLessThan(3 * 1024 * 1024)
    expect(await textOf(await files.pieces('name', { version, from: 3 * 1024 * 1024 - 1 }))).toHaveLength(1)
  })

  test('lists by prefix in the order of bytes, and goes on after a name', async () => {
    const files = await place()
    const names = ['a-b', 'a/b', 'a/c/d', 'a0', 'b/x', 'b/ÿ', 'b/\u{1f600}', 'b/\uffee', 'ba/1'].filter(
      // The order of a bucket is its server's: this one sorts a slash before a dash, and by UTF-16.
      (name) => kind === 'folder' || !/-|\u{1f600}/u.test(name),
    )
    for (const name of names) await files.write(name, Buffer.from(name))
    const ordered = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(await namesOf(files, '')).toEqual(ordered)
    for (const prefix of ['a', 'a/', 'b/', 'b', 'b/x', 'none'])
      expect(await namesOf(files, prefix), prefix).toEqual(ordered.filter((name) => name.startsWith(prefix)))
    for (const after of [...ordered, 'a/', 'b', 'zz'])
      expect(await namesOf(files, '', after), after).toEqual(
        ordered.filter((name) => Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0),
      )
  })

  test('lists in pages', async () => {
    const files = await place()
    const names = Array.from({ length: 25 }, (_, i) => `n/${String(i).padStart(3, '0')}`)
    for (const name of names) await files.write(name, Buffer.from('x'))
    const pages: string[][] = []
    for await (const page of files.list('', { after: names[1] ?? '', pageNames: 10 }))
      pages.push(page.map((entry) => entry.name))
    expect(pages.map((page) => page.length)).toEqual([10, 10, 3])
    expect(pages.flat()).toEqual(names.slice(2))
  })

  test('gives changed content another version and refuses to read the former', async () => {
    const files = await place()
    const before = await files.write('name', Buffer.from('before'))
    const after = await files.write('name', Buffer.from('afterwards'))
    expect(after.version).not.toBe(before.version)
    await expect(files.read('name', { version: before.version })).rejects.toMatchObject({
      code: 'FILES_CHANGED',
    })
    expect(String(await buffer(await files.read('name', { version: after.version })))).toBe('afterwards')
  })

  test('leaves the old content when the new one breaks off', async () => {
    const files = await place()
    await files.write('name', Buffer.from('old'))
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('new')
      throw new Error('broken off')
    }
    await expect(files.write('name', broken())).rejects.toThrow('broken off')
    expect(await namesOf(files, '')).toEqual(['name'])
    expect(String(await buffer(await files.read('name')))).toBe('old')
  })

  test('deletes, and says what is missing', async () => {
    const files = await place()
    await files.write('name', Buffer.from('x'))
    await files.delete('name')
    await files.delete('name')
    expect(await files.find('name')).toBeUndefined()
    await expect(files.read('name')).rejects.toMatchObject({ code: 'FILES_MISSING' })
  })

  test.each(['', '/etc/passwd', '../x', 'a/../../x', 'a/./b', 'a/..', '.', 'a/', 'a\0b', 'x'.repeat(1025)])(
    'refuses the name %j',
    async (name) => {
      const files = await place()
      for (const use of [
        () => files.find(name),
        () => files.read(name),
        () => files.write(name, Buffer.from('x')),
        () => files.delete(name),
      ])
        await expect(use()).rejects.toMatchObject({ code: 'FILES_NAME' })
    },
  )
})

describe('a folder', () => {
  async function withOutside(): Promise<{ root: string; outside: string; files: Place }> {
    const [root, outside] = [await tempFolder(), await tempFolder()]
    await writeFile(join(outside, 'secret'), 'secret')
    await symlink(outside, join(root, 'link'))
    await symlink(join(outside, 'secret'), join(root, 'file-link'))
    return { root, outside, files: openPlace({ kind: 'folder', path: root }) }
  }

  test('lets no link lead out of it', async () => {
    const { outside, files } = await withOutside()
    expect(await namesOf(files, '')).toEqual([])
    for (const name of ['link/secret', 'file-link'])
      await expect(files.read(name)).rejects.toMatchObject({ code: 'FILES_NAME' })
    await expect(files.find('link/secret')).rejects.toMatchObject({ code: 'FILES_NAME' })
    await expect(files.delete('link/secret')).rejects.toMatchObject({ code: 'FILES_NAME' })
    await expect(files.write('link/new', Buffer.from('x'))).rejects.toMatchObject({ code: 'FILES_NAME' })
    await expect(files.write('link/deep/new', Buffer.from('x'))).rejects.toMatchObject({ code: 'FILES_NAME' })
    expect(await readdir(outside)).toEqual(['secret'])
  })

  test('replaces a link by a file when it is written', async () => {
    const { outside, files } = await withOutside()
    await files.write('file-link', Buffer.from('mine'))
    expect(String(await buffer(await files.read('file-link')))).toBe('mine')
    expect(String(await buffer(await openPlace({ kind: 'folder', path: outside }).read('secret')))).toBe(
      'secret',
    )
  })

  test('never reads what lies outside while folders and links change places', async () => {
    const { root, outside, files } = await withOutside()
    await mkdir(join(root, 'inside'))
    await writeFile(join(root, 'inside', 'secret'), 'mine')
    let running = true
    async function exchange(): Promise<void> {
      while (running) {
        await rename(join(root, 'inside'), join(root, 'away'))
        await symlink(outside, join(root, 'inside'))
        await rm(join(root, 'inside'))
        await rename(join(root, 'away'), join(root, 'inside'))
      }
    }
    const exchanging = exchange()
    for (let i = 0; i < 500; i++) {
      const content = await files.read('inside/secret').then(buffer, () => 'mine')
      expect(String(content)).toBe('mine')
    }
    running = false
    await exchanging
  })

  test('is missing when it is not there, and does not take a pipe or a folder for a file', async () => {
    const root = await tempFolder()
    const gone = openPlace({ kind: 'folder', path: join(root, 'gone') })
    await expect(namesOf(gone, '')).rejects.toMatchObject({ code: 'FILES_MISSING' })
    await mkdir(join(root, 'folder'))
    const files = openPlace({ kind: 'folder', path: root })
    await expect(files.read('folder')).rejects.toMatchObject({ code: 'FILES_NAME' })
    expect(await files.find('folder')).toBeUndefined()
  })

  test('leaves out what a crashed write left behind', async () => {
    const root = await tempFolder()
    await writeFile(join(root, '.0123456789abcdef.unfinished'), 'part')
    expect(await namesOf(openPlace({ kind: 'folder', path: root }), '')).toEqual([])
  })
})

describe('a bucket', () => {
  test('says what is wrong with credentials, buckets and addresses', async () => {
    const location = await testBucket()
    const cases = [
      [openPlace(location, { ...BUCKET_CREDENTIALS, accessKeyId: 'unknown' }), 'FILES_REFUSED'],
      [openPlace({ ...location, bucket: 'none' }, BUCKET_CREDENTIALS), 'FILES_MISSING'],
      [openPlace({ ...location, endpoint: 'http://127.0.0.1:1' }, BUCKET_CREDENTIALS), 'FILES_UNAVAILABLE'],
    ] as const
    for (const [place, code] of cases) {
      await expect(namesOf(place, '')).rejects.toMatchObject({ code })
      place.close()
    }
  })

  test('keeps to its prefix', async () => {
    const location = await testBucket()
    const whole = openPlace(location, BUCKET_CREDENTIALS)
    await whole.write('in/a', Buffer.from('a'))
    await whole.write('inside/b', Buffer.from('b'))
    const part = openPlace({ ...location, prefix: 'in' }, BUCKET_CREDENTIALS)
    expect(await namesOf(part, '')).toEqual(['a'])
    whole.close()
    part.close()
  })
})

describe('a location', () => {
  test.each([
    ['s3://bucket/a/b', { kind: 's3', bucket: 'bucket', prefix: 'a/b' }],
    ['s3://bucket', { kind: 's3', bucket: 'bucket', prefix: '' }],
    ['/data/in', { kind: 'folder', path: '/data/in' }],
    ['file:///data/in', { kind: 'folder', path: '/data/in' }],
    ['/data/../etc', { kind: 'folder', path: '/etc' }],
  ])('is read from %s', (text, expected) => {
    expect(parseLocation(text)).toMatchObject(expected)
  })

  test.each(['', 's3://', 's3:///x', 's3://b\u0000/x', 's3://bucket//x'])('is not read from %j', (text) => {
    expect(() => parseLocation(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
  })

  test('is shown as it is written', () => {
    for (const text of ['s3://bucket/a/b', '/data/in']) expect(showLocation(parseLocation(text))).toBe(text)
  })
})

async function textOf(pieces: AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  // A piece is another's once the next is asked for.
  for await (const piece of pieces) text += piece.toString('latin1')
  return text
}

async function namesOf(place: Place, prefix: string, after = ''): Promise<string[]> {
  const entries: FileEntry[] = []
  for await (const page of place.list(prefix, { after })) entries.push(...page)
  return entries.map((entry) => entry.name)
}
