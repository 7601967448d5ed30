/**
 * The schema that a hub begins with. The stream `braze_users` has the mapping of the Braze page of Lytics, row by row, and
 * an identifier for the external id, which that page leaves out and its export needs.
 *
 * Ranks: the external id is the sender's own name for a person and changes least, so it is the strongest. The id of a
 * Braze profile is as unique, but Braze makes another one for the same person (another device before a login, a
 * deletion), so it comes second. An e-mail address is changed, shared in a family and mistyped: third. A handle is
 * chosen freely, and free again when it is given up: last. A phone number is passed on to strangers, and is none.
 * A person has one of each, so that what two people share never joins them.
 */

import type { z } from 'zod'
import { ProfileSchema } from '../schema.ts'

/** Event type → the newest moments of it. What rules about events ask where they name no field. */
export const EVENTS_FIELD = 'events'

/** The page's table: source expression, field. */
export const BRAZE_USERS_MAPPING = [
  ['braze_id', 'br_user_id'],
  ['city', 'city'],
  ['country', 'country'],
  ['email(email)', 'email'],
  ['first_name', 'first_name'],
  ['gender', 'gender'],
  ['language', 'language'],
  ['last_name', 'last_name'],
  ['phone_number', 'phone'],
  ['time_zone', 'time_zone'],
  ['todate(date_of_birth)', 'birth_date'],
  ['twitter_handle', 'tw_uid'],
] as const

function mappingsOf(rows: readonly (readonly [expression: string, field: string])[]) {
  return rows.map(([expression, field]) => ({ field, expression }))
}

const DEFAULT: z.input<typeof ProfileSchema> = {
  fields: [
    {
      name: 'external_id',
      identifier: { rank: 1 },
      description: 'The id that you gave the user in Braze',
    },
    // What changes with a person rotates: a record with a stronger identifier brings the new value.
    { name: 'br_user_id', identifier: { rank: 2, rotates: true }, description: 'Braze User ID' },
    {
      name: 'email',
      identifier: {
        rank: 3,
        rotates: true,
        normalize: 'email',
        blocked: ['no@email.com'],
      },
      personal: true,
      description: 'Email Address',
    },
    {
      name: 'tw_uid',
      identifier: { rank: 4, rotates: true, normalize: 'lowercase' },
      personal: true,
      description: 'Twitter User ID',
    },
    { name: 'city', description: 'City' },
    { name: 'country', description: 'Country' },
    { name: 'first_name', personal: true, description: 'First Name' },
    { name: 'gender', personal: true, description: 'Gender' },
    { name: 'language', description: 'Language' },
    { name: 'last_name', personal: true, description: 'Last Name' },
    { name: 'phone', personal: true, description: 'Phone Number' },
    { name: 'time_zone', description: 'Time Zone' },
    { name: 'birth_date', type: 'date', personal: true, description: 'Birth Date' },
    { name: EVENTS_FIELD, type: 'map[string][]time', description: 'Newest moments of each type of event' },
  ],
  streams: [
    {
      name: 'braze_users',
      // Braze calls the same members otherwise in its dashboard's CSV and in its exports.
      otherNames: {
        braze_id: ['Appboy ID', 'Braze ID'],
        external_id: ['user_id'],
        city: ['home_city'],
        phone_number: ['phone'],
        time_zone: ['timezone'],
        date_of_birth: ['dob'],
        // Braze has no such field: it is an attribute of your own.
        twitter_handle: ['custom_attributes.twitter_handle'],
      },
      mappings: mappingsOf([...BRAZE_USERS_MAPPING, ['external_id', 'external_id']]),
    },
    {
      name: 'braze_events',
      // Every event would be written to a profile: an installation says that it wants that.
      active: false,
      from: { kind: 'kinds', kinds: ['braze-currents', 'treasure-data', 'files'] },
      time: 'time',
      mappings: mappingsOf([
        ['plain(user.external_user_id)', 'external_id'],
        ['plain(user.user_id)', 'br_user_id'],
        ['email(properties.email_address)', 'email'],
        ['user.timezone', 'time_zone'],
        ['times(event_type)', EVENTS_FIELD],
      ]),
    },
    {
      name: 'segment_identify',
      active: false,
      from: { kind: 'kinds', kinds: ['segment'] },
      time: 'timestamp',
      where: 'type == "identify"',
      // A write key is public in browsers: whoever reads it must not join strangers.
      joins: false,
      mappings: mappingsOf([
        ['userId', 'external_id'],
        ['email(traits.email)', 'email'],
        ['oneof(traits.firstName, traits.first_name)', 'first_name'],
        ['oneof(traits.lastName, traits.last_name)', 'last_name'],
        ['traits.phone', 'phone'],
        ['traits.gender', 'gender'],
        ['todate(traits.birthday)', 'birth_date'],
        ['oneof(traits.address.city, traits.city)', 'city'],
        ['oneof(traits.address.country, traits.country)', 'country'],
        ['context.timezone', 'time_zone'],
      ]),
    },
  ],
}

export function defaultSchema(): ProfileSchema {
  return ProfileSchema.parse(DEFAULT)
}
