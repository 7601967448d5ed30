/** What a message says, in plain words and as JSON: what happened, since when, what is safe, what to do, and where to look. */

import type { Alert, AlertKind } from './alert.ts'
import type { Told } from './outbox.ts'

export interface Letter {
  readonly subject: string
  readonly text: string
}

const SUBJECT_CHARS_MAX = 200
const DETAIL_CHARS_MAX = 4_000

export interface Advice {
  readonly safe: string
  readonly toDo: string
}

const KEPT =
  'Nothing is lost. What was accepted stays in the log for as long as it is needed, and delivery goes on where it stopped, after 48 hours as after 48 days.'

const ADVICE: Readonly<Record<AlertKind, Advice>> = {
  halted: {
    safe: KEPT,
    toDo: 'Mend what the answer says: a new secret in its authorization, or another address or setting. Thalweg tries again by itself every few minutes, and at once after a change.',
  },
  'deferred-long': {
    safe: KEPT,
    toDo: 'Nothing, if the vendor knows of an outage: Thalweg goes on trying without end. Otherwise see whether the address can be reached from here.',
  },
  'log-corrupt': {
    safe: 'Everything around the stretch is delivered; what could not be read is counted, so that the books name it.',
    toDo: 'Check the disk. If the sender keeps its events, have it send the time in question again; then acknowledge the alert.',
  },
  books: {
    safe: 'No record was removed. The books say which ones have no known outcome.',
    toDo: 'Look at what is missing and replay that window. Please report it with the log of the program: this should never happen.',
  },
  activation: {
    safe: 'People whose change was accepted are in the cohort; all others are as they were before. A held run has sent nothing.',
    toDo: 'Look at the run: release or cancel it if it is held, retry what was rejected, or correct the query. Then acknowledge the alert.',
  },
  capacity: {
    safe: 'Thalweg keeps every membership; only the vendor’s array is too short for all of them.',
    toDo: 'Export fewer audiences by this attribute, or give some an attribute of their own.',
  },
}

/** What is safe meanwhile, and what to do. */
export function adviceOf(kind: AlertKind): Advice {
  return ADVICE[kind]
}

/** `pageOf` gives the address of a page of the console. */
export function letterOf(
  { told, more }: { readonly told: readonly Told[]; readonly more: number },
  why: string,
  pageOf: (path: string) => string,
): Letter {
  const [only] = told
  const isDigest = told.length !== 1 || more > 0
  const body = only === undefined || isDigest ? digestOf(told, more, pageOf) : oneOf(only, pageOf)
  return {
    subject: oneLine(
      `[Thalweg] ${only === undefined || isDigest ? digestSubject(told, more) : subjectOf(only)}`,
      SUBJECT_CHARS_MAX,
    ),
    text: `${body}\n\n-- \n${why}\n`,
  }
}

/** For a test of a channel. */
export function testLetter(channel: string, pageOf: (path: string) => string): Letter {
  return {
    subject: `[Thalweg] Test of the channel ${channel}`,
    text: `This is a test of the channel ${channel}. Alerts will look like this one and say what happened, what is safe and what to do.\n\nChannels: ${pageOf('/alerts')}\n`,
  }
}

/** Path of an alert's page in the console. */
export function alertPath({ id }: Alert): string {
  return `/alerts/${encodeURIComponent(id)}`
}

/** Path of what an alert is about; undefined when that is not noted. */
export function subjectPath({ about }: Alert): string | undefined {
  if (about === null) return undefined
  const name = encodeURIComponent(about.name)
  return about.sort === 'current'
    ? `/currents/${name}`
    : about.sort === 'activation'
      ? `/activations/${name}`
      : `/exports/${name}`
}

/** One alert of a webhook's body. */
export function alertJson({ alert, isResolution }: Told, pageOf: (path: string) => string) {
  return {
    id: alert.id,
    event: isResolution ? 'resolved' : 'raised',
    kind: alert.kind,
    about: alert.about,
    subject: alert.subject,
    detail: alert.detail.slice(0, DETAIL_CHARS_MAX),
    contact: alert.contact,
    raisedAt: moment(alert.createdAt),
    resolvedAt: alert.resolvedAt === null ? null : moment(alert.resolvedAt),
    safe: ADVICE[alert.kind].safe,
    toDo: ADVICE[alert.kind].toDo,
    url: pageOf(alertPath(alert)),
  }
}

function oneOf({ alert, isResolution }: Told, pageOf: (path: string) => string): string {
  const { safe, toDo } = ADVICE[alert.kind]
  const path = subjectPath(alert)
  const lines = [
    isResolution ? `It is over: ${alert.subject}` : alert.subject,
    '',
    ...(alert.detail === '' ? [] : ['What happened', indented(alert.detail.slice(0, DETAIL_CHARS_MAX)), '']),
    `Since          ${moment(alert.createdAt)}`,
    ...(alert.resolvedAt === null ? [] : [`Until          ${moment(alert.resolvedAt)}`]),
    '',
    ...(isResolution ? [] : ['What is safe', indented(safe), '', 'What to do', indented(toDo), '']),
    `This alert     ${pageOf(alertPath(alert))}`,
    ...(path === undefined ? [] : [`Where it is    ${pageOf(path)}`]),
  ]
  return lines.join('\n')
}

function digestOf(told: readonly Told[], more: number, pageOf: (path: string) => string): string {
  const lines = told.flatMap((one) => {
    const { alert } = one
    const until = alert.resolvedAt === null ? '' : `, until ${moment(alert.resolvedAt)}`
    return [
      `* ${subjectOf(one)}`,
      `  since ${moment(alert.createdAt)}${until}`,
      `  ${pageOf(alertPath(alert))}`,
    ]
  })
  return [
    `${told.length + more} alerts came within a short time, so they come in one message.`,
    '',
    ...lines,
    ...(more === 0 ? [] : [`… and ${more} more.`]),
    '',
    `All of them    ${pageOf('/alerts')}`,
  ].join('\n')
}

function digestSubject(told: readonly Told[], more: number): string {
  const over = told.filter(({ isResolution }) => isResolution).length
  const raised = told.length - over + more
  const parts = [...(raised > 0 ? [`${raised} raised`] : []), ...(over > 0 ? [`${over} over`] : [])]
  return `${told.length + more} alerts: ${parts.join(', ')}`
}

function subjectOf({ alert, isResolution }: Told): string {
  return `${isResolution ? 'Over: ' : ''}${oneLine(alert.subject, SUBJECT_CHARS_MAX)}`
}

function moment(ms: number): string {
  return new Date(ms).toISOString()
}

function indented(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => `  ${line}`)
    .join('\n')
}

/** Subjects hold names and answers from outside: no line break may begin another header. */
function oneLine(text: string, charsMax: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const line = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim()
  return line.length > charsMax ? `${line.slice(0, charsMax - 1)}…` : line
}
