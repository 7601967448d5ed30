/**
 * Addresses of vendors, as typed by an operator. Only http and https; http is allowed because self-hosted
 * receivers and the sandbox are reached over loopback or a private network, and it is the operator's network,
 * not ours, to judge. An address never carries a secret: those belong to an authorization, which is sealed,
 * while settings are shown to every viewer.
 */

import * as z from 'zod'

export const ADDRESS_CHARS_MAX = 2048

/** What is wrong with an address, in words for its author; undefined when it can be used. */
export function addressProblem(text: string): string | undefined {
  if (text.length > ADDRESS_CHARS_MAX) return `The address is longer than ${ADDRESS_CHARS_MAX} characters`
  // new URL() silently drops line breaks and tabs; a pasted address that holds some is not what its author
  // sees.
  if (/[^\x21-\x7e]/.test(text)) return 'The address holds spaces, line breaks or characters outside ASCII'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) return 'This is not an absolute address such as https://host.example/path'
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return 'The address must begin with https:// or http://'
  if (url.username !== '' || url.password !== '') {
    return 'The address holds a user name or password; put secrets into the authorization'
  }
  if (text.includes('#')) return 'The address ends in a #fragment, which is never sent; remove it'
  return undefined
}

/** A full address; its query is kept. */
export const Address = z.string().superRefine((text, context) => {
  const problem = addressProblem(text)
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
})

/** The beginning of addresses: scheme, host, perhaps a path; no query. */
export const BaseAddress = z.string().superRefine((text, context) => {
  const problem = addressProblem(text) ?? (text.includes('?') ? 'A base address has no ?query' : undefined)
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
})

/** `base` without its trailing slashes, followed by `path`, which begins with a slash. */
export function under(base: string, path: string): string {
  return new URL(base).href.replace(/\/+$/, '') + path
}
