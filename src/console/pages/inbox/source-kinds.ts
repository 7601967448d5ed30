/** What each kind of source is for, and what its sender is told. */

import type { SourceAnswer } from '../../../api/routes/sources.ts'

type Kind = SourceAnswer['kind']

interface KindWords {
  readonly title: string
  readonly about: string
}

/** Kinds that a person makes; sources of activations are made by them. */
export const KINDS: Readonly<Partial<Record<Kind, KindWords>>> = {
  'braze-currents': {
    title: 'Braze Currents',
    about: 'A Braze current of the kind Custom HTTP Connector sends its events here.',
  },
  'treasure-data': {
    title: 'Treasure Data addresses',
    about:
      'A Braze Treasure Data Export, or any sender that speaks Treasure Data’s Postback or records protocol.',
  },
  segment: {
    title: 'Segment',
    about: 'Any Segment library or server, pointed at this hub instead of Segment.',
  },
  lytics: {
    title: 'Lytics addresses',
    about: 'Webhooks, collected objects and bulk files, as Lytics takes them.',
  },
  files: { title: 'Files', about: 'Files in a folder of the hub, or in a bucket, are read.' },
}

export const kindTitle = (kind: Kind): string =>
  KINDS[kind]?.title ?? (kind === 'audience' ? 'Membership changes of an activation' : kind)

export interface Setting {
  readonly label: string
  readonly value: string
}

/** What stands where the token is not known any more. */
export const TOKEN_UNKNOWN = '<token>'

/** What to paste at the sender; `origin` is where it reaches this hub. */
export function senderSettings(
  { kind, addresses, settings }: Pick<SourceAnswer, 'kind' | 'addresses' | 'settings'>,
  origin: string,
  token: string,
): readonly Setting[] {
  const urls = addresses.map((address) => `${origin}${address}`)
  const [first = ''] = urls
  switch (kind) {
    case 'braze-currents':
      return [
        { label: 'Endpoint', value: first },
        { label: 'Authentication token', value: token },
      ]
    case 'treasure-data':
      return [
        {
          label: 'Treasure Data URL (Postback)',
          value: `${first}?td_write_key=${encodeURIComponent(token)}`,
        },
        { label: 'Records address', value: urls[1] ?? '' },
        { label: 'Currents Streaming address', value: urls[2] ?? '' },
        { label: 'Write key', value: token },
      ]
    case 'segment':
      return [
        { label: 'API host', value: `${origin}/v1` },
        { label: 'Write key', value: token },
      ]
    case 'lytics':
      return [
        {
          label: 'Webhook URL for Braze users',
          value: `${origin}/c/${encodeURIComponent(String(settings.account))}/braze_users?key=${encodeURIComponent(token)}`,
        },
        { label: 'Collect address, per stream', value: first },
        { label: 'Bulk address, per stream', value: urls[1] ?? '' },
        { label: 'Authorization header', value: token },
      ]
    case 'files':
    case 'audience':
      return []
  }
}

/** Where to type it. */
export const SENDER_STEPS: Readonly<Partial<Record<Kind, string>>> = {
  'braze-currents':
    'In Braze: Partner Integrations, Data Export, Create New Current, Custom HTTP Connector. Paste the two, choose the events, and launch. Braze tries the token with an empty request, which is answered but not kept.',
  'treasure-data':
    'In Braze: Partner Integrations, Data Export, Create New Current, Treasure Data Export; paste the URL. A Custom current takes the Currents Streaming address with the write key as its token.',
  segment:
    'In the library’s options: set the host and the write key. Events then come here and not to Segment.',
  lytics:
    'Where the webhook or the upload is configured: replace the address, and put the stream in its place.',
}
