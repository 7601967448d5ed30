/** A real mail server on a free port of this machine, that keeps what it takes and refuses on demand. */

import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { onTestFinished } from 'vitest'
import { CERTIFICATE, KEY } from './localhost-certificate.ts'

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  /** Who signed in; undefined: nobody did. */
  readonly user: string | undefined
  readonly wasEncrypted: boolean
  /** As it came, with its headers. */
  readonly text: string
}

export interface MailServerOptions {
  readonly tls?: 'starttls' | 'tls' | 'none'
  /** Unset: everybody may send. */
  readonly password?: string
}

export interface RealMailServer {
  readonly port: number
  readonly mails: ReceivedMail[]
  /** What a mail is refused with, as in 450; undefined: it is taken. Set as one likes. */
  refusal: { readonly code: number; readonly text: string } | undefined
  /** Called when a mail has arrived, before it is answered; the answer waits for it. */
  onMail: (mail: ReceivedMail) => Promise<void> | void
  /** Refused attempts to hand a mail over. */
  refused: number
}

/** Closed when the test has finished. */
export async function startMailServer({
  tls = 'none',
  password,
}: MailServerOptions = {}): Promise<RealMailServer> {
  const state: Omit<RealMailServer, 'port'> = {
    mails: [],
    refusal: undefined,
    onMail: () => undefined,
    refused: 0,
  }
  const server = new SMTPServer({
    secure: tls === 'tls',
    cert: CERTIFICATE,
    key: KEY,
    logger: false,
    closeTimeout: 1,
    disableReverseLookup: true,
    allowInsecureAuth: tls === 'none',
    authOptional: password === undefined,
    disabledCommands: [...(tls === 'none' ? ['STARTTLS'] : []), ...(password === undefined ? ['AUTH'] : [])],
    onAuth({ username, password: given }, _session, callback) {
      if (given === password) callback(null, { user: username })
      else callback(Object.assign(new Error('Authentication credentials invalid'), { responseCode: 535 }))
    },
    onData(stream, session, callback) {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        const mail: ReceivedMail = {
          from: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address,
          to: session.envelope.rcptTo.map(({ address }) => address),
          user: session.user,
          wasEncrypted: session.secure,
          text: Buffer.concat(pieces).toString().replaceAll('\r\n', '\n'),
        }
        void (async () => {
          const { refusal } = state
          if (refusal !== undefined) {
            state.refused++
            callback(Object.assign(new Error(refusal.text), { responseCode: refusal.code }))
            return
          }
          await state.onMail(mail)
          state.mails.push(mail)
          callback(null, 'taken')
        })()
      })
    },
  })
  // A client that hangs up in the middle, as a killed hub does, is no trouble.
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return Object.assign(state, { port: (server.server.address() as AddressInfo).port })
}

/** The words of a mail. */
export function bodyOf({ text }: ReceivedMail): string {
  const bytes = text
    .slice(text.indexOf('\n\n') + 2)
    .replaceAll('=\n', '')
    .replace(/=([0-9A-F]{2})/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}

export function headerOf({ text }: ReceivedMail, name: string): string {
  const headers = text.slice(0, text.indexOf('\n\n')).replace(/\n(?=[ \t])/g, '')
  return new RegExp(`^${name}: *(.*)$`, 'im').exec(headers)?.[1] ?? ''
}
