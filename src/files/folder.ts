/**
 * A folder of this machine as a place. Symbolic links below it are not followed: they are left out of listings
 * and refused when named. A file is looked at once more after it was opened, so that a link put in its way at
 * that very moment does not let a reader out either.
 */

import { randomBytes } from 'node:crypto'
import { type BigIntStats, constants, type Dirent } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Readable, Readable as Streams } from 'node:stream'
import { ThalwegError } from '../core/errors.ts'
import { syncDirectory } from './durable.ts'
import { changed, missing, refusal } from './errors.ts'
import {
  type Content,
  type FileEntry,
  type ListOptions,
  PAGE_NAMES_MAX,
  type Place,
  type ReadOptions,
} from './files.ts'
import { checkName, checkPrefix, compareNames } from './names.ts'
import { filePieces, type Pieces } from './pieces.ts'

const READ_BYTES = 512 * 1024
/** Names of files that a write has not finished; a crash leaves them behind. */
const UNFINISHED = /^\.[0-9a-f]{16}\.unfinished$/
/** Without following a link at the end, and without waiting for the writer of a pipe. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export function openFolder(path: string): Place {
  return new Folder(path)
}

class Folder implements Place {
  readonly address: string

  constructor(path: string) {
    this.address = path
  }

  async *list(
    prefix: string,
    { after = '', pageNames = PAGE_NAMES_MAX, signal }: ListOptions = {},
  ): AsyncGenerator<readonly FileEntry[], void, undefined> {
    checkPrefix(prefix)
    const root = await this.#root()
    let page: FileEntry[] = []
    for await (const name of walk(root, '', prefix, after)) {
      signal?.throwIfAborted()
      const entry = await entryAt(root, name)
      if (entry === undefined) continue
      page.push(entry)
      if (page.length < pageNames) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }

  async find(name: string): Promise<FileEntry | undefined> {
    checkName(name)
    const root = await this.#root()
    return (await holdsParent(root, name)) ? entryAt(root, name) : undefined
  }

  async read(name: string, { from = 0, version, signal }: ReadOptions = {}): Promise<Readable> {
    const { handle, size } = await this.#open(name, version)
    if (from >= size) {
      await handle.close()
      return Streams.from([])
    }
    return handle.createReadStream({
      start: from,
      end: size - 1,
      highWaterMark: READ_BYTES,
      ...(signal === undefined ? {} : { signal }),
    })
  }

  async pieces(name: string, { from = 0, version }: ReadOptions = {}): Promise<Pieces> {
    const { handle, size } = await this.#open(name, version)
    return filePieces(handle, Math.min(from, size), size)
  }

  /** The size is what the file held when it was opened: what is appended meanwhile is another version. */
  async #open(name: string, version: string | undefined): Promise<{ handle: FileHandle; size: number }> {
    checkName(name)
    const root = await this.#root()
    if (!(await holdsParent(root, name))) throw missing(this.address, name)
    const handle = await openInside(this.address, root, name)
    try {
      const stats = await handle.stat({ bigint: true })
      if (version !== undefined && versionOf(stats) !== version) throw changed(this.address, name)
      return { handle, size: Number(stats.size) }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async write(name: string, content: Content): Promise<FileEntry> {
    checkName(name)
    if (UNFINISHED.test(basename(name))) throw refusal(name, 'such names mark unfinished writes')
    const root = await this.#root()
    const folder = await makeParents(root, name)
    const unfinished = join(folder, `.${randomBytes(8).toString('hex')}.unfinished`)
    try {
      await writeNew(unfinished, content)
      await rename(unfinished, join(root, name))
    } catch (error) {
      await unlink(unfinished).catch(ignoreMissing)
      throw explained(error, this.address, name)
    }
    await syncDirectory(folder)
    const entry = await entryAt(root, name)
    if (entry === undefined) throw missing(this.address, name)
    return entry
  }

  async delete(name: string): Promise<void> {
    checkName(name)
    const root = await this.#root()
    if (!(await holdsParent(root, name))) return
    try {
      await unlink(join(root, name))
    } catch (error) {
      if (!isMissing(error)) throw explained(error, this.address, name)
    }
  }

  close(): void {}

  /** The folder itself may be reached through links: it was named by who may. */
  async #root(): Promise<string> {
    try {
      return await realpath(this.address)
    } catch (error) {
      throw explained(error, this.address, '')
    }
  }
}

/**
 * The names of all files below `folder` (a name in `root`, empty or ending in a slash) that begin with `prefix`
 * and come after `after`, in order. Holds the entries of the folders on the way only.
 */
async function* walk(
  root: string,
  folder: string,
  prefix: string,
  after: string,
): AsyncGenerator<string, void, undefined> {
  for (const { name, isFolder } of await childrenOf(root, folder)) {
    const common = Math.min(name.length, prefix.length)
    if (name.slice(0, common) !== prefix.slice(0, common)) continue
    if (isFolder) {
      // All names in a folder begin with its name: whether they are past `after` is clear unless it does, too.
      if (after.startsWith(name) || compareNames(name, after) > 0) yield* walk(root, name, prefix, after)
    } else if (name.length >= prefix.length && compareNames(name, after) > 0) yield name
  }
}

interface Child {
  /** From the root on; of a folder with a slash at its end, so that sorting it sorts what is in it. */
  readonly name: string
  readonly isFolder: boolean
}

async function childrenOf(root: string, folder: string): Promise<Child[]> {
  let entries: Dirent[]
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true })
  } catch (error) {
    // Removed since its parent was read: then it has no files.
    if (folder !== '' && isMissing(error)) return []
    throw explained(error, root, folder)
  }
  return entries
    .filter((entry) => entry.isDirectory() || (entry.isFile() && !UNFINISHED.test(entry.name)))
    .map((entry) => {
      const isFolder = entry.isDirectory()
      return { name: `${folder}${entry.name}${isFolder ? '/' : ''}`, isFolder }
    })
    .sort((a, b) => compareNames(a.name, b.name))
}

async function entryAt(root: string, name: string): Promise<FileEntry | undefined> {
  try {
    const stats = await lstat(join(root, name), { bigint: true })
    if (!stats.isFile()) return undefined
    return { name, size: Number(stats.size), version: versionOf(stats), modifiedAt: Number(stats.mtimeMs) }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw explained(error, root, name)
  }
}

function versionOf(stats: BigIntStats): string {
  return `${stats.mtimeNs.toString(16)}-${stats.size.toString(16)}`
}

/** Whether the folder of `name` is there. Throws FILES_NAME when a link is on the way. */
async function holdsParent(root: string, name: string): Promise<boolean> {
  const parent = dirname(join(root, name))
  let real: string
  try {
    real = await realpath(parent)
  } catch (error) {
    if (isMissing(error)) return false
    throw explained(error, root, name)
  }
  if (real !== parent) throw refusal(name, 'a symbolic link is on the way')
  return true
}

async function openInside(address: string, root: string, name: string): Promise<FileHandle> {
  const path = join(root, name)
  let handle: FileHandle
  try {
    handle = await open(path, READ_FLAGS)
  } catch (error) {
    throw explained(error, address, name)
  }
  try {
    const [opened, there, real] = await Promise.all([
      handle.stat({ bigint: true }),
      lstat(path, { bigint: true }),
      realpath(path),
    ])
    if (!opened.isFile()) throw refusal(name, 'it is not a regular file')
    if (real !== path || opened.ino !== there.ino || opened.dev !== there.dev)
      throw refusal(name, 'it was exchanged while it was opened')
    return handle
  } catch (error) {
    await handle.close()
    throw explained(error, address, name)
  }
}

/** Makes the folders of `name`, each lasting, and returns the path of the last. */
async function makeParents(root: string, name: string): Promise<string> {
  let folder = root
  for (const part of name.split('/').slice(0, -1)) {
    const parent = folder
    folder = join(parent, part)
    try {
      await mkdir(folder)
      await syncDirectory(parent)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw explained(error, root, name)
      if (!(await lstat(folder)).isDirectory()) throw refusal(name, `${part} is not a folder`)
    }
  }
  return folder
}

async function writeNew(path: string, content: Content): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    if (content instanceof Uint8Array) await handle.writeFile(content)
    else for await (const part of content) await handle.writeFile(part)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What the system says, in our words. What is thrown by others (a writer's content) passes as it is. */
function explained(error: unknown, address: string, name: string): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  const where = name === '' ? address : `${address}/${name}`
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new ThalwegError('FILES_MISSING', `There is nothing at ${where}`, { cause: error })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new ThalwegError('FILES_REFUSED', `The system does not allow it: ${where}`, { cause: error })
    case 'ELOOP':
      return refusal(name, 'it is a symbolic link')
    case 'EISDIR':
    case 'ENAMETOOLONG':
      return new ThalwegError('FILES_NAME', `No file can have this name: ${where}`, { cause: error })
    default:
      return new ThalwegError('FILES_UNAVAILABLE', `The file system fails at ${where}: ${code}`, {
        cause: error,
      })
  }
}

/** What the system calls it; undefined for what did not come from the system. */
function codeOf(error: unknown): unknown {
  return error instanceof Error && 'syscall' in error && 'code' in error ? error.code : undefined
}

function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error
}
