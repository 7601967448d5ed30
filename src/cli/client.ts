/** Talks to the API of a hub: where it is, as whom, and what its refusals become. */

import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { refusalFrom, ThalwegError } from '../core/errors.ts'
import type { Surroundings } from './surroundings.ts'

export interface Whereabouts {
  readonly url?: string | undefined
  readonly token?: string | undefined
  readonly data?: string | undefined
}

export const TOKEN_FILE = 'admin-token'
export const ENDPOINTS_FILE = 'endpoints.json'
const URL_DEFAULT = 'http://127.0.0.1:7070'
/** The longest answers count a whole log. */
const REQUEST_MS_MAX = 600_000
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

export function dataDirOf({ data }: Whereabouts, { env }: Surroundings): string {
  return resolve(data ?? env.THALWEG_DATA ?? './.thalweg')
}

/** Finds the hub: --url, THALWEG_URL, endpoints.json in the data folder, else the default address. */
export async function addressOf(where: Whereabouts, io: Surroundings): Promise<string> {
  const given = where.url ?? io.env.THALWEG_URL
  if (given !== undefined && given !== '') return withoutSlash(given)
  return withoutSlash((await endpoint(join(dataDirOf(where, io), ENDPOINTS_FILE))) ?? URL_DEFAULT)
}

/**
 * Finds the token: --token, THALWEG_TOKEN, else the file that the first start left in the data folder. The
 * file's token goes to this machine only: it must not leak to whatever address is typed.
 */
export async function tokenOf(
  where: Whereabouts,
  io: Surroundings,
  address: string,
): Promise<string | undefined> {
  const given = where.token ?? io.env.THALWEG_TOKEN
  if (given !== undefined && given !== '') return given.trim()
  if (!LOOPBACK.has(new URL(address).hostname)) return undefined
  return (await contentOf(join(dataDirOf(where, io), TOKEN_FILE)))?.trim()
}

async function endpoint(file: string): Promise<string | undefined> {
  const text = await contentOf(file)
  if (text === undefined) return undefined
  try {
    const { hub } = JSON.parse(text) as { hub?: unknown }
    return typeof hub === 'string' ? hub : undefined
  } catch (cause) {
    throw new ThalwegError('SETTINGS_INVALID', `The file ${file} is not JSON: remove it or give --url`, {
      cause,
    })
  }
}

/** undefined when there is no such file. */
async function contentOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ThalwegError(
      'SETTINGS_INVALID',
      `The file ${file} cannot be read: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  }
}

function withoutSlash(url: string): string {
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw new ThalwegError(
      'SETTINGS_INVALID',
      `${JSON.stringify(url)} is not an address such as ${URL_DEFAULT}`,
    )
  return url.replace(/\/+$/, '')
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export class Client {
  readonly address: string
  readonly #token: string | undefined
  readonly #fetch: typeof fetch

  constructor(address: string, token: string | undefined, fetcher: typeof fetch) {
    this.address = address
    this.#token = token
    this.#fetch = fetcher
  }

  /** Throws what the API refused, by its own code; HUB_UNREACHABLE when nothing answers. */
  get<Answer>(where: string, query: Query = {}): Promise<Answer> {
    const given = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value))
    const text = given.toString()
    return this.#call<Answer>('GET', text === '' ? where : `${where}?${text}`)
  }

  send<Answer>(method: 'POST' | 'PUT' | 'PATCH', where: string, body: unknown = {}): Promise<Answer> {
    return this.#call<Answer>(method, where, JSON.stringify(body))
  }

  async remove<Answer = void>(where: string): Promise<Answer> {
    return this.#call<Answer>('DELETE', where)
  }

  /** An answer (to a GET without a body) to be read as it comes, for as long as it takes; aborting leaves. Throws as `get` does, until the answer begins. */
  async stream(where: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const method = body === undefined ? 'GET' : 'POST'
    const text = body === undefined ? undefined : JSON.stringify(body)
    const answer = await this.#reach(method, `${this.address}/api/v1${where}`, text, signal)
    if (answer.ok) return answer
    throw this.#refusal(answer.status, await answer.text())
  }

  /** Status and body of an address outside of /api/v1, whatever the status. */
  async raw(where: string): Promise<{ status: number; text: string }> {
    const answer = await this.#reach('GET', `${this.address}${where}`)
    return { status: answer.status, text: await answer.text() }
  }

  async #call<Answer>(method: string, where: string, body?: string): Promise<Answer> {
    const answer = await this.#reach(method, `${this.address}/api/v1${where}`, body)
    const text = await answer.text()
    if (answer.ok) return (text === '' ? undefined : this.#parsed(text)) as Answer
    throw this.#refusal(answer.status, text)
  }

  async #reach(
    method: string,
    url: string,
    body?: string,
    signal: AbortSignal = AbortSignal.timeout(REQUEST_MS_MAX),
  ): Promise<Response> {
    try {
      return await this.#fetch(url, {
        method,
        redirect: 'error',
        signal,
        headers: {
          accept: 'application/json',
          ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body }),
      })
    } catch (cause) {
      if (signal.aborted && signal.reason !== undefined && !isTimeout(signal.reason)) throw signal.reason
      const reason = cause instanceof Error ? (cause.cause ?? cause) : cause
      const words = reason instanceof Error ? reason.message || reason.name : String(reason)
      throw new ThalwegError('HUB_UNREACHABLE', `No hub answers at ${this.address}: ${words}`, { cause })
    }
  }

  #refusal(status: number, text: string): ThalwegError {
    const { error } = this.#parsed(text) as {
      error?: { code?: unknown; message?: unknown; details?: unknown }
    }
    const { code, message, details } = error ?? {}
    if (typeof code !== 'string' || typeof message !== 'string') throw this.#notOurs(`status ${status}`)
    return refusalFrom({ code, message, details })
  }

  #parsed(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch {
      throw this.#notOurs('something that is not JSON')
    }
  }

  #notOurs(what: string): ThalwegError {
    return new ThalwegError(
      'HUB_UNREACHABLE',
      `What answers at ${this.address} is no Thalweg: it answered ${what}`,
    )
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError'
}
