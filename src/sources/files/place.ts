/** The place that a source of files names, with what opens it. */

import { realpath } from 'node:fs/promises'
import { relative } from 'node:path'
import { ThalwegError } from '../../core/errors.ts'
import { S3Credentials } from '../../files/credentials.ts'
import type { Location } from '../../files/location.ts'
import type { Authorizations } from '../../store/authorizations.ts'
import type { FilesSettings } from '../settings.ts'

export interface OpenablePlace {
  readonly location: Location
  readonly credentials: S3Credentials | undefined
}

/**
 * Throws AUTHORIZATION_UNKNOWN, FILES_MISSING, and FILES_REFUSED when links lead a folder out of the roots, or the
 * credentials are none for a bucket.
 */
export async function placeOf(
  settings: FilesSettings,
  authorizations: Authorizations,
  roots: readonly string[],
): Promise<OpenablePlace> {
  const { location, authorization, outsideRoots } = settings
  if (location.kind === 'folder') {
    if (outsideRoots !== true) await checkRoots(location.path, roots)
    return { location, credentials: undefined }
  }
  if (authorization === undefined) return { location, credentials: undefined }
  const parsed = S3Credentials.safeParse(await authorizations.reveal(authorization))
  if (parsed.success) return { location, credentials: parsed.data }
  throw new ThalwegError(
    'FILES_REFUSED',
    `The authorization ${authorization} holds no credentials of a bucket`,
  )
}

async function checkRoots(path: string, roots: readonly string[]): Promise<void> {
  const real = await realOf(path)
  for (const root of roots) if (!relative(await realOf(root), real).startsWith('..')) return
  throw new ThalwegError('FILES_REFUSED', `${path} leads out of THALWEG_FILES_ROOTS`)
}

async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (cause) {
    throw new ThalwegError('FILES_MISSING', `There is no folder ${path}`, { cause })
  }
}
