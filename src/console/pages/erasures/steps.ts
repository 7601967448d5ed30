/** The steps of an erasure, in order and in words. */

import type { ErasureAnswer } from '../../../api/routes/erasures.ts'

export const STEPS: Readonly<Record<ErasureAnswer['step'], string>> = {
  find: 'Find who is meant, and count',
  suppress: 'Keep out what comes in from here on',
  log: 'Blank records where they lie in the log',
  reread: 'Have every node read the log as it is now',
  connections: 'Let currents begin again from their books',
  profiles: 'Take out the profile, and words about them in others',
  folders: 'Take them out of warehouse, Parquet files and cohorts, on every node',
  store: 'Empty dead letters, excerpts, samples and saved texts',
  targets: 'Ask vendors to delete',
  compact: 'Write the database anew',
  search: 'Look through every byte that is left',
}
