/**
 * Addresses of database servers that speak a protocol of their own, as typed by an operator. Secrets belong to an
 * authorization; what stands here is shown to every viewer.
 */

import * as z from 'zod'

const CERTIFICATE_CHARS_MAX = 65_536

/** A host name, an IP address, or the absolute path of a Unix socket (PostgreSQL: of its folder). */
export const ServerHost = z
  .string()
  .regex(
    /^(\/[\x21-\x7e]{1,107}|[A-Za-z0-9_.:-]{1,253})$/,
    'This is not a host name, an IP address, or the absolute path of a Unix socket',
  )

export const ServerPort = z.int().min(1).max(65_535)

export const ServerTls = z
  .enum(['off', 'require', 'verify'])
  .default('verify')
  .describe(
    'verify: encrypted, and the certificate must be valid for the host. require: encrypted, to whoever answers. off: not encrypted. A Unix socket is never encrypted.',
  )

export const ServerCertificate = z
  .string()
  .max(CERTIFICATE_CHARS_MAX)
  .regex(/^\s*-----BEGIN CERTIFICATE-----/, 'A certificate begins with -----BEGIN CERTIFICATE-----')
  .optional()
  .describe('Certificate authority to trust instead of the well-known ones, as PEM text.')

export const ServerName = z
  .string()
  .regex(/^[^\p{Cc}]{1,128}$/u, 'A name is 1 to 128 characters without control characters')

/** User and password, for servers that know their users by them. */
export const ServerCredentials = z.strictObject({
  user: ServerName.describe('User that connects. For queries: one that may only read.'),
  password: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('Password of the user. Leave out where the server asks for none.'),
})
export type ServerCredentials = z.infer<typeof ServerCredentials>

export interface ServerPlace {
  readonly host: string
  readonly tls: z.infer<typeof ServerTls>
  readonly ca?: string | undefined
}

export function isSocket({ host }: Pick<ServerPlace, 'host'>): boolean {
  return host.startsWith('/')
}

/** What Node's TLS is told; undefined: the connection is not encrypted. */
export function tlsOf(
  place: ServerPlace,
): { readonly rejectUnauthorized: boolean; readonly ca?: string } | undefined {
  if (place.tls === 'off' || isSocket(place)) return undefined
  const rejectUnauthorized = place.tls === 'verify'
  return place.ca === undefined ? { rejectUnauthorized } : { rejectUnauthorized, ca: place.ca }
}
