/**
 * How far the profiles are from what all evidence at once would give, whatever order it came in: links of every profile, and
 * of every record that the log still holds, the refused ones, too. It is told and repairs nothing.
 */

import { ThalwegError } from '../../core/errors.ts'
import { type Drift, driftOf, Evidence, rebuild } from '../identity/rebuild.ts'
import { keyOf } from '../profile.ts'
import type { ProfileEngine, Stretch } from './engine.ts'

export interface DriftView extends Drift {
  readonly profiles: number
  /** Profiles that a rebuild would give. */
  readonly rebuilt: number
  /** Links that no order of arrival would allow. */
  readonly rejected: number
  /** Records of the log that were looked at. */
  readonly records: number
}

export interface EvidenceDesk {
  /** Forgets what an earlier look gathered. */
  gather(): Promise<void>
  /** Compares, and forgets. Throws INPUT_INVALID where there are more identifiers than fit into memory. */
  drift(): Promise<DriftView>
}

/** About 500 bytes each. */
const IDENTIFIERS_MAX = 1_000_000
const PAGE = 2_000

export class EvidenceGatherer implements EvidenceDesk {
  readonly #engine: ProfileEngine
  #evidence: Evidence | undefined
  #records = 0

  constructor(engine: ProfileEngine) {
    this.#engine = engine
  }

  async gather(): Promise<void> {
    this.#evidence = new Evidence(this.#engine.doctrine.rules)
    this.#records = 0
  }

  async take({ records }: Stretch): Promise<void> {
    for (const { record, identified } of this.#engine.read(records)) {
      this.#evidence?.addRecord(record, identified)
      this.#records++
    }
    this.#refuseTooMany()
  }

  async drift(): Promise<DriftView> {
    const { people, doctrine } = this.#engine
    const evidence = this.#evidence ?? new Evidence(doctrine.rules)
    const owners = new Map<string, number>()
    let profiles = 0
    for (let after = 0; ; ) {
      const page = await people.after(after, PAGE)
      for (const profile of page) {
        evidence.addProfile(profile)
        for (const held of profile.identifiers) owners.set(keyOf(held), profile.id)
      }
      profiles += page.length
      after = page.at(-1)?.id ?? after
      this.#refuseTooMany()
      if (page.length < PAGE) break
    }
    this.#evidence = undefined
    const rebuilt = rebuild(evidence, doctrine.rules, await people.neverLinks())
    return {
      ...driftOf(owners, rebuilt),
      profiles,
      rebuilt: rebuilt.clusters.length,
      rejected: rebuilt.rejected.length,
      records: this.#records,
    }
  }

  #refuseTooMany(): void {
    if ((this.#evidence?.sightings.size ?? 0) <= IDENTIFIERS_MAX) return
    this.#evidence = undefined
    throw new ThalwegError(
      'INPUT_INVALID',
      `There are more than ${IDENTIFIERS_MAX} identifiers: they do not fit into memory at once`,
    )
  }
}
