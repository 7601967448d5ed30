/** Where a mail server is and who may send there: what a channel, and an authorization of the provider `smtp`, say. */

import * as z from 'zod'

const HOST_CHARS_MAX = 253
const CERTIFICATE_CHARS_MAX = 65_536

export const MailServer = z.strictObject({
  host: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]+$/, 'A host is a name or an address, without a scheme')
    .max(HOST_CHARS_MAX)
    .describe('Name or address of the mail server.'),
  port: z.int().min(1).max(65_535).default(587).describe('587 for submission, 465 with tls, 25 for a relay.'),
  tls: z
    .enum(['starttls', 'tls', 'none'])
    .default('starttls')
    .describe(
      'starttls: begins in the clear and must turn encrypted; tls: encrypted from the start; none: never, for a relay on this machine. Credentials leave this machine only encrypted.',
    ),
  certificate: z
    .string()
    .regex(/-----BEGIN CERTIFICATE-----/, 'This is not a certificate in PEM form')
    .max(CERTIFICATE_CHARS_MAX)
    .optional()
    .describe(
      'Certificate in PEM form that the server’s is checked against, where no public authority signed it.',
    ),
})
export type MailServer = z.output<typeof MailServer>

const Text = z.string().min(1).max(1_024)

export const MailCredentials = z.strictObject({
  user: Text.describe('User name at the mail server.'),
  password: Text.describe('Password, or a token made for programs.'),
})
export type MailCredentials = z.output<typeof MailCredentials>
