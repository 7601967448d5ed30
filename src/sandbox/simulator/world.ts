/**
 * The people, apps, campaigns and Canvases that simulated events are about. Made once from a seed; never
 * changes.
 */

import { type Random, seededRandom } from '../../core/random.ts'
import { between, chance, hex, pick, uuid } from './draw.ts'

export interface World {
  readonly workspaceId: string
  readonly apps: readonly App[]
  readonly users: readonly SimulatedUser[]
  /** Those with an external id: only they can be written to at an address. */
  readonly identified: readonly SimulatedUser[]
  readonly campaigns: readonly Campaign[]
  readonly canvases: readonly Canvas[]
}

export interface App {
  readonly id: string
  readonly platform: Platform
}

export type Platform = 'ios' | 'android' | 'web'

export interface SimulatedUser {
  readonly brazeId: string
  /** Undefined for anonymous people. */
  readonly externalId: string | undefined
  readonly email: string
  readonly phone: string
  readonly timezone: string
  readonly country: string
  readonly language: string
  readonly gender: string
  readonly lineId: string
  readonly device: Device
}

export interface Device {
  readonly id: string
  readonly app: App
  readonly model: string
  readonly osVersion: string
  /** Undefined where the SDK does not collect it. */
  readonly adId: string | undefined
  readonly pushToken: string
}

/** A name is undefined while Braze has not caught up with a new campaign. */
export interface Named {
  readonly id: string
  readonly name: string | undefined
}

export interface Campaign extends Named {
  /** Sent to everybody at a time, not to one person on an event. */
  readonly scheduled: boolean
  readonly variations: readonly Named[]
}

export interface Canvas extends Named {
  readonly variations: readonly Named[]
  readonly steps: readonly Named[]
}

export const USERS_MAX = 200_000

/** Part of people who have no external id. */
const ANONYMOUS = 0.08

/** Throws RangeError unless 1 ≤ users ≤ USERS_MAX. */
export function createWorld(seed: number, users: number): World {
  if (!(users >= 1 && users <= USERS_MAX))
    throw new RangeError(`users must be 1 to ${USERS_MAX}, not ${users}`)
  const random = seededRandom(seed)
  const apps = (['ios', 'android', 'web'] as const).map((platform) => ({ id: uuid(random), platform }))
  // The first is never anonymous, so that there is always somebody to write to.
  const people = Array.from({ length: users }, (_, i) =>
    createUser(random, apps, i, i > 0 && chance(random, ANONYMOUS)),
  )
  return {
    workspaceId: uuid(random),
    apps,
    users: people,
    identified: people.filter((user) => user.externalId !== undefined),
    campaigns: CAMPAIGN_NAMES.map((name, i) => ({
      ...named(random, i === 0 ? undefined : name),
      scheduled: i % 2 === 1,
      variations: ['Variation 1', 'Variation 2'].map((title) => named(random, title)),
    })),
    canvases: CANVAS_NAMES.map((name) => ({
      ...named(random, name),
      variations: ['Variant 1', 'Variant 2'].map((title) => named(random, title)),
      steps: STEP_NAMES.map((title) => named(random, title)),
    })),
  }
}

function named(random: Random, name: string | undefined): Named {
  return { id: uuid(random), name }
}

function createUser(random: Random, apps: readonly App[], i: number, anonymous: boolean): SimulatedUser {
  const first = pick(random, FIRST_NAMES)
  const home = pick(random, HOMES)
  return {
    brazeId: hex(random, 24),
    externalId: anonymous ? undefined : `user-${String(i + 1).padStart(6, '0')}`,
    email: `${first.toLowerCase()}.${i + 1}@${pick(random, MAIL_DOMAINS)}`,
    phone: `${home.dial}${between(random, 100_000_000, 999_999_999)}`,
    timezone: home.timezone,
    country: home.country,
    language: home.language,
    gender: pick(random, ['M', 'F', 'O', 'N', 'P']),
    lineId: `U${hex(random, 32)}`,
    device: createDevice(random, pick(random, apps)),
  }
}

function createDevice(random: Random, app: App): Device {
  const { model, osVersion } = pick(random, DEVICES[app.platform])
  return {
    id: uuid(random).toUpperCase(),
    app,
    model,
    osVersion,
    adId: app.platform !== 'web' && chance(random, 0.3) ? uuid(random) : undefined,
    pushToken: hex(random, 64),
  }
}

const FIRST_NAMES = [
  'Ada',
  'Ben',
  'Chiara',
  'Dmitri',
  'Emeka',
  'Freya',
  'Grace',
  'Hiro',
  'Ines',
  'Jonas',
  'Kofi',
  'Lena',
]
const MAIL_DOMAINS = ['example.com', 'example.org', 'mail.example.net', 'inbox.example']

const HOMES = [
  { timezone: 'America/Chicago', country: 'US', language: 'en', dial: '+1' },
  { timezone: 'America/Sao_Paulo', country: 'BR', language: 'pt', dial: '+55' },
  { timezone: 'Europe/Berlin', country: 'DE', language: 'de', dial: '+49' },
  { timezone: 'Europe/London', country: 'GB', language: 'en', dial: '+44' },
  { timezone: 'Asia/Tokyo', country: 'JP', language: 'ja', dial: '+81' },
  { timezone: 'Asia/Kolkata', country: 'IN', language: 'hi', dial: '+91' },
  { timezone: 'Australia/Sydney', country: 'AU', language: 'en', dial: '+61' },
] as const

const DEVICES: Readonly<Record<Platform, readonly { readonly model: string; readonly osVersion: string }[]>> =
  {
    ios: [
      { model: 'iPhone 15 Pro', osVersion: '18.4.1' },
      { model: 'iPhone SE (2nd generation)', osVersion: '17.7' },
      { model: 'iPad Air', osVersion: '18.1' },
    ],
    android: [
      { model: 'Pixel 9', osVersion: '15' },
      { model: 'SM-S918B', osVersion: '14' },
      { model: 'moto g power', osVersion: '12' },
    ],
    web: [
      { model: 'Mac', osVersion: '10.15.7' },
      { model: 'Windows', osVersion: '10' },
    ],
  }

const CAMPAIGN_NAMES = [
  'Not yet named',
  'Spring sale',
  'Frühlings-Angebote 🌷',
  'Weekly digest',
  '夏のセール',
  'Cart reminder',
  'Win-back (30 days)',
  'Price drop: "your favourites"',
  'Password changed',
  'Order shipped',
  'Avaliação do pedido',
  'Birthday ☕ voucher',
]

const CANVAS_NAMES = ['Welcome series', 'Trial → paid', 'Réactivation', 'Onboarding (app)']
const STEP_NAMES = ['Day 0: hello', 'Day 2: tips', 'Day 5: offer', 'Day 9: last call']
