/**
 * Values that identify nobody, whatever the field: what forms, trackers and exports write where they know nothing. One of
 * them taken for an identifier would make one profile of all strangers.
 */

/** Compared in lower case, after trimming. */
const WORDS: ReadonlySet<string> = new Set([
  'null',
  '(null)',
  '<null>',
  '\\n',
  'nil',
  'none',
  '(none)',
  'undefined',
  'nan',
  'n/a',
  '#n/a',
  'n.a.',
  'na',
  '-1',
  'true',
  'false',
  'unknown',
  '(unknown)',
  'anonymous',
  'unidentified',
  'not set',
  '(not set)',
  'not provided',
  'not available',
  'invalid',
  'missing',
  'empty',
  'default',
  'test',
  'guest',
  'optout',
  'opt-out',
  'deleted',
  '[object object]',
  // Braze Currents, field transformations, and what others write in its place.
  '[redacted]',
  'redacted',
  '[deleted]',
  '[removed]',
  '[filtered]',
  // Every Android 2.2 device of several makers has this id.
  '9774d56d682e549c',
])

/** Zeros, dashes and what stands between them: `0`, `00000000-0000-0000-0000-000000000000`, `---`. */
const NOTHING = /^[0\s._:-]*$/
/** The all-ones UUID (RFC 9562) in any grouping, and nothing but x or ?. */
const FILLER = /^(?:f{8}-?f{4}-?f{4}-?f{4}-?f{12}|xx+|\?+)$/

/** `text` in lower case and trimmed. */
export function isBlockedWord(text: string): boolean {
  return WORDS.has(text) || NOTHING.test(text) || FILLER.test(text)
}

/** A mailbox of this name is a shared one or none, in every domain. */
const MAILBOXES: ReadonlySet<string> = new Set([
  'test',
  'null',
  'none',
  'undefined',
  'unknown',
  'anonymous',
  'invalid',
  'nobody',
  'noemail',
  'no-email',
  'no_email',
  'noreply',
  'no-reply',
  'no_reply',
  'donotreply',
  'do-not-reply',
])

/** What people type who do not want to be known. */
const ADDRESSES: ReadonlySet<string> = new Set([
  'a@a.com',
  'aa@aa.com',
  'a@b.com',
  'a@b.c',
  'abc@abc.com',
  'asd@asd.com',
  'asdf@asdf.com',
  'email@email.com',
  'mail@mail.com',
  'me@me.com',
  'na@na.com',
  'no@no.com',
  'qwe@qwe.com',
  'user@user.com',
  'x@x.com',
  'example@example.com',
  'email@example.com',
  'user@example.com',
])

/** `address` normalised. Whole domains are never blocked: those of RFC 2606 are what rehearsals are made of. */
export function isBlockedAddress(address: string): boolean {
  const mailbox = address.slice(0, address.lastIndexOf('@'))
  return MAILBOXES.has(mailbox) || ADDRESSES.has(address)
}

/** One digit over and over, with or without a country's 1 before it: +10000000000, +15555555555. */
const REPEATED = /^\+1?(\d)\1+$/
/** Digits in a row from 1 or 0. */
const COUNTED = /^\+1?0?123456789?0?\d{0,2}$/

/** `number` normalised. */
export function isBlockedNumber(number: string): boolean {
  return REPEATED.test(number) || COUNTED.test(number)
}
