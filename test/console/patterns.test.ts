import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventTypes, pickerTree } from '../../src/catalog/catalog.ts'
import {
  flowingIn,
  type PickerCategory,
  type SelectionRule,
  withChannel,
} from '../../src/console/pages/currents/definition/patterns.ts'
import { Selection } from '../../src/currents/selection.ts'

const PICKER = pickerTree().map(({ channels, ...category }) => ({
  ...category,
  channels: channels.map((channel) => ({
    ...channel,
    types: channel.types.map(({ pii, segmentName, ...type }) => ({
      ...type,
      pii: [...pii],
      segmentName: segmentName ?? null,
    })),
  })),
})) as PickerCategory[]
const CHANNELS = PICKER.flatMap((category) => category.channels.map((channel) => ({ category, channel })))

const BEGINNINGS: readonly SelectionRule[] = [
  { include: ['*'], exclude: [] },
  { include: [], exclude: [] },
  { include: ['category:message_engagement'], exclude: ['channel:email'] },
  { include: ['users.messages.*'], exclude: ['users.messages.email.*'] },
  { include: ['channel:push', 'users.messages.email.Open'], exclude: [] },
]

/** Catalog types that flow by the selection that delivery uses. */
function flowing(selection: SelectionRule): readonly string[] {
  const rule = new Selection({ selection, externalId: 'optional' })
  return eventTypes.map(({ name }) => name).filter((name) => rule.selects(name))
}

test('what the boxes of the picker show is what flows', () => {
  for (const selection of BEGINNINGS) {
    const shown = CHANNELS.flatMap(({ category, channel }) => flowingIn(selection, category, channel))
    expect([...shown].sort()).toEqual([...flowing(selection)].sort())
  }
})

test('a choice in one channel makes exactly that flow, and changes nothing elsewhere', () => {
  const choice = fc
    .nat({ max: CHANNELS.length - 1 })
    .chain((i) =>
      fc.tuple(fc.constant(i), fc.subarray(CHANNELS[i]?.channel.types.map(({ name }) => name) ?? [])),
    )
  const property = fc.property(
    // A pattern that is broader than a channel and taken out by another broad one cannot be put in by a channel.
    fc.constantFrom(...BEGINNINGS.slice(0, 2), ...BEGINNINGS.slice(4)),
    fc.array(choice, { minLength: 1, maxLength: 6 }),
    (beginning, choices) => {
      let selection = beginning
      for (const [i, names] of choices) {
        const channel = CHANNELS[i]?.channel
        if (channel === undefined) continue
        const own = new Set(channel.types.map(({ name }) => name))
        const elsewhere = flowing(selection).filter((name) => !own.has(name))
        selection = withChannel(selection, PICKER, channel, new Set(names))
        expect([...flowing(selection)].sort()).toEqual([...elsewhere, ...names].sort())
      }
    },
  )
  fc.assert(property, { seed: 11, numRuns: 200 })
})
