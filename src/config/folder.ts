/**
 * A folder of files: read whole, within bounds, and written so that the same objects give the same bytes. Nothing outside of the
 * folder is read: links are looked at, and refused when they lead out of it.
 */

import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { ThalwegError } from '../core/errors.ts'
import { normalBody } from './check.ts'
import { jsonSchemas } from './json-schemas.ts'
import { type Body, KIND_WORDS, KINDS, type KindWord, nameIn, type Path, valueAt } from './kinds.ts'
import { leanBody } from './lean-body.ts'
import type { Problem } from './problems.ts'
import { SecretReference } from './secret-reference.ts'
import { type Place, type ReadYaml, readYaml, writeYaml } from './yaml.ts'

/** Where the JSON Schemas of editors lie. */
export const SCHEMAS_FOLDER = '.schemas'

export const FILES_MAX = 5_000
export const FILE_BYTES_MAX = 1_048_576
export const FOLDER_BYTES_MAX = 16_777_216
const FOLDERS_DEEP_MAX = 8
const SECRET_BYTES_MAX = 65_536

/** What is wrong, for whoever mends it. */
export interface FileProblem {
  /** From the folder. */
  readonly file: string
  /** Both from 1. */
  readonly line: number
  readonly column: number
  /** `destination.kind`; empty: the document as a whole. */
  readonly field: string
  readonly problem: string
  readonly remedy: string
}

export interface FolderDocument {
  readonly file: string
  readonly value: unknown
  readonly yaml: ReadYaml
}

export interface ReadFolder {
  readonly documents: readonly FolderDocument[]
  /** Files that could not be read, and what in them is no plain YAML. */
  readonly problems: readonly FileProblem[]
  readonly files: readonly string[]
}

/** Throws INPUT_INVALID when there is no such folder. */
export async function readFolder(folder: string): Promise<ReadFolder> {
  const root = await realpath(folder).catch(() => undefined)
  if (root === undefined || !(await stat(root)).isDirectory())
    throw new ThalwegError(
      'INPUT_INVALID',
      `There is no folder ${folder}: make one with thalweg init ${folder}`,
    )
  const documents: FolderDocument[] = []
  const problems: FileProblem[] = []
  const files = await filesIn(root, problems)
  let bytes = 0
  for (const file of files) {
    const read = await textOf(join(root, file))
    if ('problem' in read) {
      problems.push({ file, line: 1, column: 1, field: '', ...read })
      continue
    }
    bytes += read.text.length
    if (bytes > FOLDER_BYTES_MAX) {
      const remedy = 'Move what does not belong here elsewhere'
      problems.push({
        file,
        line: 1,
        column: 1,
        field: '',
        problem: `The folder holds more than ${FOLDER_BYTES_MAX} bytes`,
        remedy,
      })
      break
    }
    for (const yaml of readYaml(read.text)) {
      for (const { line, column, path, problem, remedy } of yaml.misread)
        problems.push({ file, line, column, field: fieldOf(path), problem, remedy })
      if (yaml.misread.length === 0) documents.push({ file, value: yaml.value, yaml })
    }
  }
  return { documents, problems, files }
}

/** Problems of documents at their places in the files. */
export function placed(problems: readonly Problem[], documents: readonly FolderDocument[]): FileProblem[] {
  return problems.map((found) => {
    const { document, path, problem, remedy } = found
    const known = documents[document]
    const { line, column }: Place = known?.yaml.place(path, found) ?? { line: 1, column: 1 }
    return { file: known?.file ?? '', line, column, field: fieldOf(path), problem, remedy }
  })
}

/** In the order of files and lines. */
export function inReadingOrder(problems: readonly FileProblem[]): FileProblem[] {
  return [...problems].sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column,
  )
}

/**
 * The values behind the references in documents; those that are not there are left out. `file:` counts from the folder. Throws
 * INPUT_INVALID for a file that is too large to be a secret.
 */
export async function secretsFor(
  documents: readonly FolderDocument[],
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Map<SecretReference, string>> {
  const secrets = new Map<SecretReference, string>()
  for (const { value } of documents)
    for (const reference of referencesIn(value)) {
      const found = await secretAt(reference, folder, env)
      if (found !== undefined && found !== '') secrets.set(reference, found)
    }
  return secrets
}

/** Name of the file of an object, from the folder. Names that are no file names are told apart by a hash. */
export function fileOf(kind: KindWord, name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|-+$/g, '')
  const clash =
    plain === name
      ? ''
      : `${plain === '' ? '' : '-'}${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
  return join(KINDS[kind].folder, `${plain}${clash}.yaml`)
}

/** The text of a file with one document. */
export function textOfDocument(kind: KindWord, body: Body): string {
  const up = KINDS[kind].folder === '.' ? '.' : '..'
  return `# yaml-language-server: $schema=${up}/${SCHEMAS_FOLDER}/${kind}.json\n${documentText(kind, body)}\n`
}

/** Its kind and name first. */
function documentText(kind: KindWord, body: Body): string {
  const { key } = KINDS[kind]
  const { [key ?? '']: name, ...rest } = body
  return writeYaml({ object: kind, ...(key === undefined ? body : { [key]: name, ...rest }) }).trimEnd()
}

/** What became of the files of an export. */
export interface Written {
  readonly made: readonly string[]
  /** A document of theirs said something else. */
  readonly changed: readonly string[]
  readonly same: number
  /** Documents of objects that are not among the exported: left as they are, or removed if asked for. */
  readonly foreign: readonly { readonly file: string; readonly object: string; readonly name: string }[]
}

/**
 * Writes objects into a folder. A document that says the same stays as it is, to the byte, wherever it stands; one that does not is
 * rewritten where it stands, and what is around it stays. New objects get a file each. Throws INPUT_INVALID when a file
 * cannot be read. `prunes`: documents of other objects are removed.
 */
export async function writeFolder(
  folder: string,
  objects: readonly WrittenObject[],
  prunes: boolean,
): Promise<Written> {
  await mkdir(folder, { recursive: true })
  await writeSchemas(folder)
  const { documents, problems } = await readFolder(folder)
  const [problem] = problems
  if (problem !== undefined)
    throw new ThalwegError(
      'INPUT_INVALID',
      `${problem.file}:${problem.line}:${problem.column}: ${problem.problem}. Mend it first, or export into an empty folder`,
    )
  const left = new Map(objects.map((one) => [`${one.kind} ${one.name}`, one]))
  const edits = new Map<string, Edit[]>()
  const foreign: { file: string; object: string; name: string }[] = []
  let same = 0
  for (const { file, value, yaml } of documents) {
    const { object, ...said } = (typeof value === 'object' && value !== null ? value : {}) as Record<
      string,
      unknown
    >
    const kind = KIND_WORDS.find((word) => word === object)
    const name = kind === undefined ? '' : nameIn(kind, said)
    const one = left.get(`${String(object)} ${name}`)
    if (one === undefined || kind === undefined) {
      foreign.push({ file, object: String(object), name })
      if (prunes) edits.set(file, [...(edits.get(file) ?? []), { ...yaml.span, text: '' }])
      continue
    }
    left.delete(`${kind} ${name}`)
    const body = asSaid(kind, one.body, said)
    if (isDeepStrictEqual(leanBody(kind, normalBody(kind, said)), leanBody(kind, normalBody(kind, body))))
      same++
    else edits.set(file, [...(edits.get(file) ?? []), { ...yaml.span, text: documentText(kind, body) }])
  }
  for (const [file, list] of edits) await edit(join(folder, file), list)
  const made: string[] = []
  for (const { kind, name, body } of left.values()) {
    const file = fileOf(kind, name)
    const path = join(folder, file)
    const before = await readFile(path, 'utf8').catch(() => undefined)
    const text = textOfDocument(kind, body)
    // The file may hold something else by now, or only comments.
    await writeIfOther(
      path,
      before === undefined || before.trim() === '' ? text : `${before.trimEnd()}\n---\n${text}`,
    )
    made.push(file)
  }
  return { made, changed: [...edits.keys()], same, foreign }
}

export interface WrittenObject {
  readonly kind: KindWord
  readonly name: string
  readonly body: Body
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Without what the document leaves to the hub, and with its own references where it has some. */
function asSaid(kind: KindWord, body: Body, said: Body): Body {
  const { state, token, ...rest } = body
  const kept = {
    ...rest,
    ...(state === undefined || said.state === undefined ? {} : { state }),
    ...(said.token === undefined ? {} : { token: said.token }),
  }
  if (
    kind === 'source' &&
    valueAt(said, ['settings', 'taskId']) === undefined &&
    valueAt(body, ['settings', 'taskId'])
  ) {
    const { taskId: _, ...settings } = body.settings as Record<string, unknown>
    return { ...kept, settings }
  }
  const references = said.credentials
  if (kind !== 'authorization' || typeof references !== 'object' || references === null) return kept
  const fields = Object.keys(body.credentials as object)
  const own = Object.entries(body.credentials as object).map(([field, reference]) => [
    field,
    (references as Record<string, unknown>)[field] ?? reference,
  ])
  return { ...kept, credentials: fields.length === 0 ? {} : Object.fromEntries(own) }
}

/** From the last to the first, so that places stay right. A file with nothing left in it but comments is removed. */
async function edit(file: string, edits: readonly Edit[]): Promise<void> {
  let text = await readFile(file, 'utf8')
  for (const { start, end, text: now } of [...edits].sort((a, b) => b.start - a.start)) {
    // A group of fields ends with its last line.
    const lineEnd = now !== '' && text.slice(start, end).endsWith('\n') ? '\n' : ''
    text = `${text.slice(0, start)}${now}${lineEnd}${text.slice(end)}`
  }
  if (text.split('\n').every((line) => /^\s*(#.*|---)?$/.test(line))) await rm(file)
  else await writeFile(file, text)
}

/** Writes the JSON Schemas that editors complete by. */
export async function writeSchemas(folder: string): Promise<void> {
  for (const [name, schema] of jsonSchemas())
    await writeIfOther(join(folder, SCHEMAS_FOLDER, `${name}.json`), `${JSON.stringify(schema, null, 2)}\n`)
}

/** Whether it was another one, or none. */
export async function writeIfOther(file: string, text: string): Promise<boolean> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return false
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  return true
}

async function filesIn(root: string, problems: FileProblem[]): Promise<string[]> {
  const files: string[] = []
  const seen = new Set<string>()
  const walk = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules' || files.length >= FILES_MAX) continue
      const path = join(folder, entry.name)
      const file = relative(root, path).split(sep).join('/')
      const refuse = (problem: string, remedy: string): void => {
        problems.push({ file, line: 1, column: 1, field: '', problem, remedy })
      }
      const real = await realpath(path).catch(() => undefined)
      const isYaml = /\.ya?ml$/i.test(entry.name)
      if (real === undefined || !(real === root || real.startsWith(root + sep))) {
        if (isYaml || entry.isSymbolicLink())
          refuse(
            'The link leads out of the folder, or nowhere',
            'Put a copy of the file here, or remove the link',
          )
        continue
      }
      const about = await stat(real)
      if (about.isDirectory()) {
        // A link back up would be walked for ever.
        if (seen.has(real)) continue
        seen.add(real)
        if (depth >= FOLDERS_DEEP_MAX)
          refuse(`Folders lie more than ${FOLDERS_DEEP_MAX} deep`, 'Move it further up')
        else await walk(path, depth + 1)
      } else if (isYaml && about.isFile()) {
        files.push(file)
        if (files.length === FILES_MAX)
          refuse(
            `There are more than ${FILES_MAX} files`,
            'Put several documents into one file, parted by ---',
          )
      }
    }
  }
  seen.add(root)
  await walk(root, 0)
  return files
}

async function textOf(file: string): Promise<{ text: string } | { problem: string; remedy: string }> {
  const { size } = await stat(file)
  if (size > FILE_BYTES_MAX)
    return {
      problem: `The file is larger than ${FILE_BYTES_MAX} bytes`,
      remedy: 'Part it into several files',
    }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
    return { text }
  } catch {
    return { problem: 'The file is not UTF-8', remedy: 'Save it as UTF-8' }
  }
}

/** What stands where references may stand. */
function referencesIn(value: unknown): SecretReference[] {
  const { credentials, token } = (typeof value === 'object' && value !== null ? value : {}) as {
    credentials?: unknown
    token?: unknown
  }
  const all = [
    token,
    ...(typeof credentials === 'object' && credentials !== null ? Object.values(credentials) : []),
  ]
  return all.flatMap((one) => {
    const reference = SecretReference.safeParse(one)
    return reference.success ? [reference.data] : []
  })
}

async function secretAt(
  reference: SecretReference,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const colon = reference.indexOf(':')
  const rest = reference.slice(colon + 1)
  if (reference.startsWith('env:')) return env[rest]
  const file = resolve(folder, rest)
  const about = await stat(file).catch(() => undefined)
  if (about === undefined || !about.isFile()) return undefined
  if (about.size > SECRET_BYTES_MAX)
    throw new ThalwegError('INPUT_INVALID', `The file ${file} is too large to be a secret`)
  // Editors end a file with a line end, which is no part of a secret.
  return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
}

function fieldOf(path: Path): string {
  return path.join('.')
}
