/** What a backup says about itself: the file `backup.json` in its folder. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { ThalwegError } from '../core/errors.ts'

export const MANIFEST = 'backup.json'
const FORMAT = 1

const BackedFile = z.object({
  /** Below the folder of the backup, with slashes. */
  path: z.string(),
  bytes: z.int(),
  crc32: z.int(),
})
export type BackedFile = z.infer<typeof BackedFile>

export const Manifest = z.object({
  format: z.literal(FORMAT),
  id: z.string(),
  version: z.string().describe('Of the program that made it.'),
  note: z.string(),
  startedAt: z.int(),
  finishedAt: z.int(),
  /** Records of the log that it holds: from tail up to head. */
  log: z.object({ tail: z.int(), head: z.int(), segments: z.int(), gaps: z.int() }),
  store: z.object({ dialect: z.enum(['sqlite', 'postgres']), step: z.int() }),
  withKey: z.boolean(),
  parts: z.array(z.object({ name: z.string(), files: z.array(BackedFile) })),
})
export type Manifest = z.infer<typeof Manifest>

export function newManifest(known: Omit<Manifest, 'format'>): Manifest {
  return { format: FORMAT, ...known }
}

export function bytesOf({ parts }: Pick<Manifest, 'parts'>): number {
  return parts.reduce((sum, { files }) => files.reduce((inner, { bytes }) => inner + bytes, sum), 0)
}

/** Throws BACKUP_BROKEN when the folder holds no manifest that this program can read. */
export async function readManifest(folder: string): Promise<Manifest> {
  try {
    return Manifest.parse(JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')))
  } catch (cause) {
    throw new ThalwegError('BACKUP_BROKEN', `${folder} holds no backup that this Thalweg can read`, { cause })
  }
}
