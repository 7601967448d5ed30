/**
 * Where rows go: from a copied URL, or from a region or host with database and table, to the address that is
 * called.
 */

import { treasureDataSites } from '../../catalog/instances.ts'
import { ThalwegError } from '../../core/errors.ts'
import { under } from '../address.ts'

export interface PlaceSettings {
  readonly form: 'postback-v3' | 'postback-v2' | 'records'
  readonly url?: string | undefined
  readonly region?: string | undefined
  readonly host?: string | undefined
  readonly database?: string | undefined
  readonly table?: string | undefined
  readonly keyIn: 'header' | 'query'
  readonly layout: 'nested' | 'flat'
  readonly verifyHost?: string | undefined
}

export interface Place {
  /** The address that rows are posted to. */
  readonly url: string
  /** The records endpoint of the same table; absent where none is known. */
  readonly recordsUrl?: string
}

export interface PlaceProblem {
  readonly field: string
  readonly message: string
}

const POSTBACK_PATH = /^(.*\/postback\/v3\/event)\/([a-z0-9_]{3,255})\/([a-z0-9_]{3,255})$/
const RECORDS_PATH = /^(.*)\/([a-z0-9_]{3,255})\/([a-z0-9_]{3,255})$/

/** What keeps the settings from naming one table; undefined when they do. */
export function placeProblem(settings: PlaceSettings): PlaceProblem | undefined {
  if (settings.keyIn === 'query' && settings.form !== 'postback-v3') {
    return { field: 'keyIn', message: `${settings.form} takes the key in a header only` }
  }
  if (settings.layout === 'flat' && settings.form !== 'records') {
    return { field: 'layout', message: 'The flat layout exists in the form records only' }
  }
  return settings.url === undefined ? partsProblem(settings) : urlProblem(settings, settings.url)
}

function partsProblem(settings: PlaceSettings): PlaceProblem | undefined {
  const { region, host, database, table } = settings
  if (region === undefined && host === undefined) {
    return { field: 'url', message: 'Give the url, or a region or host with database and table' }
  }
  if (region !== undefined && host !== undefined) {
    return { field: 'host', message: 'Give a region or a host, not both' }
  }
  if (database === undefined) return { field: 'database', message: 'Without a url the database is needed' }
  if (table === undefined) return { field: 'table', message: 'Without a url the table is needed' }
  return undefined
}

function urlProblem(settings: PlaceSettings, text: string): PlaceProblem | undefined {
  for (const field of ['region', 'host', 'database', 'table'] as const) {
    if (settings[field] !== undefined)
      return { field, message: `The url already says the ${field}; give one of the two` }
  }
  // Another rule already complains about an address that is none.
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.searchParams.has('td_write_key')) {
    return {
      field: 'url',
      message: 'Remove ?td_write_key= from the url: the key belongs to the authorization, where it is sealed',
    }
  }
  if (text.includes('?'))
    return { field: 'url', message: 'Treasure Data takes no other query parameters; remove them' }
  const postback = url.pathname.includes('/postback/')
  if (settings.form === 'records') {
    if (postback)
      return {
        field: 'url',
        message: 'This is a Postback URL; a records URL ends in /<database>/<table> alone',
      }
    return RECORDS_PATH.test(url.pathname) ? undefined : badEnd('/<database>/<table>')
  }
  return POSTBACK_PATH.test(url.pathname) ? undefined : badEnd('/postback/v3/event/<database>/<table>')
}

function badEnd(end: string): PlaceProblem {
  return {
    field: 'url',
    message: `The url must end in ${end}, names being 3 to 255 lower-case letters, digits and underscores`,
  }
}

/** Throws CURRENT_INVALID for settings that `placeProblem` complains about. */
export function placeOf(settings: PlaceSettings): Place {
  const problem = placeProblem(settings)
  const table = problem === undefined ? tableOf(settings) : undefined
  if (table === undefined) {
    throw new ThalwegError(
      'CURRENT_INVALID',
      `Treasure Data, ${problem?.field ?? 'url'}: ${problem?.message ?? 'no table'}`,
    )
  }
  const verify = settings.verifyHost ?? table.recordsBase
  return {
    url: table.url,
    ...(verify === undefined ? {} : { recordsUrl: under(verify, table.path) }),
  }
}

interface Table {
  readonly url: string
  /** /<database>/<table> */
  readonly path: string
  readonly recordsBase: string | undefined
}

function tableOf(settings: PlaceSettings): Table | undefined {
  return settings.url === undefined ? tableOfParts(settings) : tableOfUrl(settings.form, settings.url)
}

function tableOfParts(settings: PlaceSettings): Table {
  const site = treasureDataSites.find((one) => one.name === settings.region)
  const legacy = settings.form === 'postback-v3'
  const base = settings.host ?? (legacy ? site?.postback : site?.records) ?? ''
  const path = `/${settings.database}/${settings.table}`
  const url = under(base, settings.form === 'records' ? path : `/postback/v3/event${path}`)
  return { url, path, recordsBase: legacy ? site?.records : base }
}

function tableOfUrl(form: PlaceSettings['form'], text: string): Table | undefined {
  const url = new URL(text)
  const match = (form === 'records' ? RECORDS_PATH : POSTBACK_PATH).exec(url.pathname)
  if (match === null) return undefined
  const path = `/${match[2]}/${match[3]}`
  const recordsBase = form === 'records' ? `${url.origin}${match[1]}` : recordsBaseOf(url.origin, form)
  return { url: url.href, path, recordsBase }
}

/**
 * The records host that belongs to one of Treasure Data's own hosts; Postback v2 and records share theirs,
 * whosever it is.
 */
function recordsBaseOf(origin: string, form: PlaceSettings['form']): string | undefined {
  if (form === 'postback-v2') return origin
  return treasureDataSites.find((site) => site.postback === origin || site.records === origin)?.records
}
