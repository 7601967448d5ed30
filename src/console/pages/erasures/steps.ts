/** The steps of an erasure, in order and in words. */

import type { ErasureAnswer } from '../../../api/routes/erasures.ts'

export const STEPS: Readonly<Record<ErasureAnswer['step'], string>> = {
  find: 'Find who is meant, and count',
  suppress: 'Keep out what comes in from here on',
  log: 'Blank records where they lie in the log',
  connections: 'Let currents begin again from their books',
  profiles: 'Take out the profile, and words about them in others',
  warehouse: 'Delete rows of the warehouse, and write its file anew',
  parquet: 'Delete rows of Parquet files',
  rosters: 'Take them out of cohorts',
  store: 'Empty dead letters, excerpts, samples and saved texts',
  targets: 'Ask vendors to delete',
  compact: 'Write the database anew',
  search: 'Look through every byte that is left',
}
