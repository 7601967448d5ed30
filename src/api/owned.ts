/** Currents that an activation made for itself: what they carry is decided by its runs, and by nobody beside them. */

import type { Audiences } from '../audiences/audiences.ts'
import { ThalwegError } from '../core/errors.ts'

/** Number of a current → name of its activation. */
export type Owners = ReadonlyMap<number, string>

export async function ownersOf({ activations }: Audiences): Promise<Owners> {
  return new Map((await activations.list()).map(({ current, name }) => [current, name]))
}

/** Throws CURRENT_OF_ACTIVATION. `instead`: what to do, in words. */
export function refuseOwned(owners: Owners, current: number, instead: string): void {
  const owner = owners.get(current)
  if (owner !== undefined) throw ownedError(owner, instead)
}

export function ownedError(owner: string, instead: string): ThalwegError {
  return new ThalwegError(
    'CURRENT_OF_ACTIVATION',
    `The current belongs to the activation ${owner}: ${instead}`,
  )
}
