/** What an erasure needs of the profiles. */

import type { SubjectIdentifier } from '../core/traces.ts'
import type { Touched } from '../store/edit-rows.ts'

export interface ProfileForgetter {
  /** What else the profiles that own one of these identifiers are known by. */
  identifiersOf(identifiers: readonly SubjectIdentifier[]): Promise<readonly SubjectIdentifier[]>
  /**
   * Takes these profiles out, with their history, audiences and exports, and what may be brought back by a rebuild; the log is erased
   * already. Afterwards no file holds any of it. May be asked again. Dry: counts only.
   */
  forget(identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<readonly Touched[]>
}
