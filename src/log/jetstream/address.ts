/**
 * Where the replicated log is, and who we are there: `nats://user:password@a:4222,b:4222,c:4222/name?replicas=3`. The user, the name of the log and
 * the query hold for all servers; `tls://` instead of `nats://` insists on TLS.
 */

import { readFile } from 'node:fs/promises'
import { credsAuthenticator, type NodeConnectionOptions, nkeyAuthenticator } from '@nats-io/transport-node'
import { ThalwegError } from '../../core/errors.ts'

export interface LogAddress {
  /** `host:port` each. */
  readonly servers: readonly string[]
  readonly user: string | undefined
  readonly password: string | undefined
  readonly tls: boolean
  /** Of the log: letters, digits, `_` and `-`. Hubs that name the same one share it. */
  readonly name: string
  /** Copies of every record. Undefined: three, or one on a server that stands alone. */
  readonly replicas: number | undefined
}

/** Files with what must not stand in an address; each is read when the connection is made. */
export interface LogCredentials {
  /** A `.creds` file: JWT and seed of a user. */
  readonly credsFile?: string | undefined
  /** A file with the seed of an nkey. */
  readonly nkeyFile?: string | undefined
  /** PEM: who signed the servers' certificates. Its presence insists on TLS. */
  readonly caFile?: string | undefined
  /** PEM: our own certificate and its key, for servers that ask for one. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

const PORT = 4222
const HOST = /^(?:[\w.-]+|\[[\da-f:]+\])(?::\d{1,5})?$/i
const NAME = /^[\w-]{1,64}$/
const REPLICAS = ['1', '3', '5']
const SCHEMES = ['nats://', 'tls://']

/** Undefined when the text is no such address. */
export function parseLogAddress(text: string): LogAddress | undefined {
  const scheme = SCHEMES.find((one) => text.startsWith(one))
  if (scheme === undefined) return undefined
  const [, authority = '', path = '', query = ''] =
    /^([^/?]*)\/?([^?]*)\??(.*)$/.exec(text.slice(scheme.length)) ?? []
  const at = authority.lastIndexOf('@')
  const account = at < 0 ? undefined : authority.slice(0, at)
  // Each server may be written as an address of its own.
  const hosts = authority
    .slice(at + 1)
    .split(',')
    .map((host) => host.trim())
  const name = path === '' ? 'thalweg' : path
  const replicas = new URLSearchParams(query).get('replicas') ?? undefined
  if (!hosts.every((host) => HOST.test(host)) || !NAME.test(name)) return undefined
  if (replicas !== undefined && !REPLICAS.includes(replicas)) return undefined
  const [user, password] = account === undefined ? [] : partsOf(account)
  return {
    servers: hosts.map((host) => (/:\d+$/.test(host) ? host : `${host}:${PORT}`)),
    user,
    password,
    tls: scheme === 'tls://',
    name,
    replicas: replicas === undefined ? undefined : Number(replicas),
  }
}

function partsOf(account: string): [string, string | undefined] {
  const colon = account.indexOf(':')
  if (colon < 0) return [decoded(account), undefined]
  return [decoded(account.slice(0, colon)), decoded(account.slice(colon + 1))]
}

/** A password may hold a bare percent sign. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** How to connect. Throws SETTINGS_INVALID when a file cannot be read; the message names the file and nothing of what is in it. */
export async function connectionOptions(
  address: LogAddress,
  credentials: LogCredentials,
): Promise<NodeConnectionOptions> {
  const { credsFile, nkeyFile, caFile, certFile, keyFile } = credentials
  const { servers, user, password } = address
  const tls = address.tls || caFile !== undefined || certFile !== undefined
  const authenticator =
    credsFile !== undefined
      ? credsAuthenticator(await contentOf(credsFile))
      : nkeyFile !== undefined
        ? nkeyAuthenticator(new TextEncoder().encode(String(Buffer.from(await contentOf(nkeyFile))).trim()))
        : undefined
  return {
    servers: [...servers],
    ...(user === undefined ? {} : password === undefined ? { token: user } : { user, pass: password }),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(tls
      ? {
          tls: {
            ...(caFile === undefined ? {} : { ca: String(Buffer.from(await contentOf(caFile))) }),
            ...(certFile === undefined ? {} : { cert: String(Buffer.from(await contentOf(certFile))) }),
            ...(keyFile === undefined ? {} : { key: String(Buffer.from(await contentOf(keyFile))) }),
          },
        }
      : {}),
  }
}

async function contentOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new ThalwegError('SETTINGS_INVALID', `${path} cannot be read`, { cause })
  }
}
