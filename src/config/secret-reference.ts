/** Where a secret lies: all that a file may say of one. Whoever applies the files looks there; what it finds is in no file, plan, answer or log. */

import * as z from 'zod'

export const SecretReference = z
  .string()
  .max(4_096)
  .regex(
    /^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/,
    'A secret does not stand in a file: write env:NAME or file:path, and have it there when the files are applied',
  )
  .describe(
    'Where the secret lies when the files are applied: env:NAME (environment) or file:path (from the folder).',
  )
export type SecretReference = z.output<typeof SecretReference>

/** Secrets by the reference that stands for each; the values of those that could be read. */
export type Secrets = ReadonlyMap<SecretReference, string>

/** What a reference is called where nobody said one: `env:BRAZE_REST_REST_KEY` for the field `restKey` of "Braze REST". */
export function referenceFor(label: string, field: string): SecretReference {
  const words = `${label} ${field}`
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .normalize('NFKD')
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
  return `env:${/^[A-Z]/.test(words) ? words : `SECRET_${words}`}`
}
