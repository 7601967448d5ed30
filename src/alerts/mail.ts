/** Mail by SMTP, and the provider `smtp` whose authorizations hold the credentials. */

import { setTimeout as wait } from 'node:timers/promises'
import type { Transporter } from 'nodemailer'
import type { Fault, FaultKind } from '../core/fault.ts'
import { fitting, type Provider } from '../core/provider.ts'
import { DELIVERED, failed } from '../core/receipt.ts'
import { redacted } from '../core/secret.ts'
import type { Attempt } from './attempt.ts'
import type { MailChannel } from './channels.ts'
import { MailCredentials, MailServer } from './mail-server.ts'
import type { Letter } from './words.ts'

const CONNECT_MS_MAX = 10_000
/** Of silence. */
const SOCKET_MS_MAX = 30_000
/** A server that says a word every now and then must not hold a channel up for ever. */
const MAIL_MS_MAX = 60_000

export interface Mail extends Letter {
  /** Part of the Message-ID: the same for every attempt, so that a repeated mail can be told. */
  readonly id: string
  readonly to: string
}

/** Never rejects. */
export async function sendMail(
  settings: MailChannel['settings'],
  credentials: MailCredentials | undefined,
  mail: Mail,
  signal: AbortSignal,
): Promise<Attempt> {
  const { sender, ...server } = settings
  return withServer(server, credentials, signal, async (transporter) => {
    const { response } = await transporter.sendMail({
      from: { name: 'Thalweg', address: sender },
      to: { name: '', address: mail.to },
      subject: mail.subject,
      text: mail.text,
      textEncoding: 'quoted-printable',
      messageId: `<${mail.id}@${sender.slice(sender.indexOf('@') + 1)}>`,
      // RFC 3834: nobody's out-of-office reply is wanted.
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
    return response
  })
}

export const smtpProvider: Provider = {
  name: 'smtp',
  title: 'Mail server (SMTP)',
  description:
    'User and password of a mail server that alerts are sent by; tried by signing in, without sending a mail.',
  settings: MailServer,
  credentials: MailCredentials,
  placeIsGuarded: true,
  async verify(settings, credentials) {
    const attempt = await withServer(
      fitting(MailServer, settings, 'settings'),
      fitting(MailCredentials, credentials, 'credentials'),
      AbortSignal.timeout(MAIL_MS_MAX),
      async (transporter) => {
        await transporter.verify()
        return 'The mail server accepts the user'
      },
    )
    return attempt.isTaken ? DELIVERED : failed(attempt.fault)
  },
}

async function withServer(
  server: MailServer,
  credentials: MailCredentials | undefined,
  signal: AbortSignal,
  work: (transporter: Transporter) => Promise<string | undefined>,
): Promise<Attempt> {
  if (credentials !== undefined && server.tls === 'none' && !isThisMachine(server.host))
    return {
      isTaken: false,
      fault: {
        kind: 'misconfigured',
        message: `Credentials are not sent to ${server.host} in the clear: set tls to starttls or tls`,
      },
    }
  // Read with the first mail: most hubs send none, and none needs it to start.
  const { createTransport } = await import('nodemailer')
  const transporter = createTransport({
    host: server.host,
    port: server.port,
    secure: server.tls === 'tls',
    requireTLS: server.tls === 'starttls',
    ignoreTLS: server.tls === 'none',
    ...(server.certificate === undefined ? {} : { tls: { ca: [server.certificate] } }),
    ...(credentials === undefined ? {} : { auth: { user: credentials.user, pass: credentials.password } }),
    connectionTimeout: CONNECT_MS_MAX,
    greetingTimeout: CONNECT_MS_MAX,
    socketTimeout: SOCKET_MS_MAX,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const secrets = credentials === undefined ? [] : [credentials.password]
  const over = new AbortController()
  const limit = AbortSignal.any([signal, over.signal])
  try {
    const answer = await Promise.race([work(transporter), tooLate(limit)])
    return { isTaken: true, answer: redacted(answer ?? '', secrets) }
  } catch (error) {
    return { isTaken: false, fault: faultOf(error as MailError, server, secrets) }
  } finally {
    over.abort()
    transporter.close()
  }
}

async function tooLate(signal: AbortSignal): Promise<never> {
  await wait(MAIL_MS_MAX, undefined, { signal }).catch(() => undefined)
  throw Object.assign(new Error('No answer in time'), { code: 'ETIMEDOUT' })
}

interface MailError extends Error {
  readonly code?: string
  /** What the server said, and its code. */
  readonly response?: string
  readonly responseCode?: number
}

function faultOf(error: MailError, { host, port, tls }: MailServer, secrets: readonly string[]): Fault {
  const { code, response, responseCode } = error
  const where = `The mail server ${host}:${port}`
  const answered = response !== undefined && response !== ''
  if (answered && code !== 'ETLS') {
    const answer = redacted(response, secrets)
    return { kind: kindOf(code, responseCode), message: `${where} answered ${answer}`, answer }
  }
  if (code === 'ETLS' || /certificate|self.signed|altname|ssl|tls/i.test(error.message))
    return {
      kind: 'misconfigured',
      message: `${where} does not encrypt as wanted (${tls}): ${redacted(error.message, secrets)}`,
    }
  if (code === 'EENVELOPE' || code === 'ECONFIG' || code === 'ENOAUTH')
    return { kind: 'misconfigured', message: `${where}: ${redacted(error.message, secrets)}` }
  return { kind: 'unreachable', message: `${where} does not answer: ${redacted(error.message, secrets)}` }
}

function kindOf(code: string | undefined, responseCode = 0): FaultKind {
  if (code === 'EAUTH') return responseCode >= 400 && responseCode < 500 ? 'unavailable' : 'unauthorized'
  return responseCode >= 500 ? 'invalid' : 'unavailable'
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}
