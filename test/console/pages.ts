/** Every page of the console that can be opened on the demo's data: what the page tests walk and the screenshots show. */

export interface ListedPage {
  /** Of its screenshots' files. */
  readonly name: string
  readonly path: string
  /** A text that stands on it once its data has come. */
  readonly shows: string
}

export const PAGES: readonly ListedPage[] = [
  { name: 'loop', path: '/', shows: 'Loop' },
  { name: 'alerts', path: '/alerts', shows: 'Nothing needs anybody' },
  { name: 'alert-channels', path: '/alerts/channels', shows: 'No alert leaves the house yet' },
  { name: 'alert-channel-new', path: '/alerts/channels/new/mail', shows: 'Make the channel' },
  { name: 'authorizations', path: '/authorizations', shows: 'Last heard of' },
  { name: 'authorization-providers', path: '/authorizations/new', shows: 'Segment' },
  { name: 'authorization-new', path: '/authorizations/new/segment', shows: 'Keep these credentials' },
  { name: 'sandbox', path: '/sandbox', shows: 'Treasure Data' },
  { name: 'sandbox-double', path: '/sandbox/http', shows: 'Make it fail' },
  { name: 'sandbox-requests', path: '/sandbox/http/requests', shows: 'POST /' },
  { name: 'sandbox-holding', path: '/sandbox/segment/holdings/events', shows: 'track' },
  { name: 'system', path: '/system', shows: 'Room left' },
  { name: 'system-backups', path: '/system/backups', shows: 'No backups yet' },
  { name: 'system-settings', path: '/system/settings', shows: 'THALWEG_PORT' },
]
