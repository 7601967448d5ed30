/** The rooms of the console, in the order in which data passes them. */

import {
  Activity,
  Bell,
  Boxes,
  Database,
  Eraser,
  FileClock,
  FlaskConical,
  Gauge,
  Inbox,
  KeyRound,
  type LucideIcon,
  MailX,
  PlayCircle,
  Radar,
  Search,
  Send,
  Share2,
  Shield,
  Target,
  Users,
  Waves,
} from 'lucide-react'

export interface Place {
  readonly label: string
  readonly to: string
  readonly icon: LucideIcon
  /** Said by the palette, and understood by it. */
  readonly about: string
}

export interface Region {
  readonly label: string
  readonly places: readonly Place[]
}

export const REGIONS: readonly Region[] = [
  {
    label: '',
    places: [
      {
        label: 'Loop',
        to: '/',
        icon: Waves,
        about: 'Both directions at a glance: what flows, what waits, what is broken',
      },
    ],
  },
  {
    label: 'Events out',
    places: [
      { label: 'Inbox', to: '/inbox', icon: Inbox, about: 'Sources: batches, sizes, duplicates, types' },
      {
        label: 'Drift',
        to: '/drift',
        icon: Radar,
        about: 'Event types and fields that the catalog does not know',
      },
      {
        label: 'Currents',
        to: '/currents',
        icon: Activity,
        about: 'Chosen events on their way to a destination',
      },
      {
        label: 'Dead letters',
        to: '/dead-letters',
        icon: MailX,
        about: 'Records that a vendor refused: edit, redrive, discard',
      },
      { label: 'Events', to: '/events', icon: Search, about: 'What became of one event: its whole lineage' },
    ],
  },
  {
    label: 'Audiences in',
    places: [
      {
        label: 'Audiences',
        to: '/audiences',
        icon: Target,
        about: 'Rules about people: size, sample, membership, why',
      },
      { label: 'Exports', to: '/exports', icon: Share2, about: 'Audiences as an attribute in Braze' },
      {
        label: 'Activations',
        to: '/activations',
        icon: Send,
        about: 'Queries and segments as cohorts in Braze',
      },
      {
        label: 'Runs',
        to: '/runs',
        icon: PlayCircle,
        about: 'Syncs of activations: progress, brake, results',
      },
    ],
  },
  {
    label: 'People and tables',
    places: [
      {
        label: 'Profiles',
        to: '/profiles',
        icon: Users,
        about: 'Who is who: search, identifiers, traits, merges',
      },
      {
        label: 'Streams',
        to: '/streams',
        icon: FileClock,
        about: 'Feeds of user records and how their fields are mapped',
      },
      {
        label: 'Erasures',
        to: '/erasures',
        icon: Eraser,
        about: 'Taking a person out of every store, with a receipt',
      },
      { label: 'Warehouse', to: '/warehouse', icon: Database, about: 'Tables, SQL, saved queries' },
    ],
  },
  {
    label: 'House',
    places: [
      {
        label: 'Authorizations',
        to: '/authorizations',
        icon: KeyRound,
        about: 'Credentials of vendors: check, rotate',
      },
      {
        label: 'Alerts',
        to: '/alerts',
        icon: Bell,
        about: 'What a contact should know, and how they are told',
      },
      {
        label: 'Sandbox',
        to: '/sandbox',
        icon: FlaskConical,
        about: 'The vendors’ doubles: state, clock, faults',
      },
      { label: 'Access', to: '/access', icon: Shield, about: 'People, roles, tokens, sessions' },
      { label: 'Audit', to: '/audit', icon: Boxes, about: 'Every change: who, what, before and after' },
      { label: 'System', to: '/system', icon: Gauge, about: 'Disk, lag, retention, versions, backup' },
    ],
  },
]
