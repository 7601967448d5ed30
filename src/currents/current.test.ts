import { describe, expect, test } from 'vitest'
import { type CurrentAction, CurrentDefinition, type CurrentState, stateAfter } from './current.ts'

const ACTIONS: readonly CurrentAction[] = ['launch', 'pause', 'resume', 'halt', 'remove']
const no = undefined
const TABLE: Record<CurrentState, readonly (CurrentState | undefined)[]> = {
  draft: ['running', no, no, no, 'deleted'],
  running: [no, 'paused', no, 'halted', 'deleted'],
  paused: [no, no, 'running', no, 'deleted'],
  halted: [no, 'paused', 'running', 'halted', 'deleted'],
  deleted: [no, no, no, no, no],
}

describe.each(Object.entries(TABLE))('%s', (state, row) => {
  test.each(ACTIONS.map((action, i) => ({ action, next: row[i] })))('$action: $next', ({ action, next }) => {
    expect(stateAfter(state as CurrentState, action)).toBe(next)
  })
})

describe('a definition', () => {
  const least = {
    name: 'to-td',
    contactEmail: 'a@example.com',
    sources: ['braze'],
    destination: { kind: 'http' },
  }

  test('says the least and gets the defaults', () => {
    expect(CurrentDefinition.parse(least)).toEqual({
      ...least,
      selection: { include: ['*'], exclude: [] },
      externalId: 'required',
      fields: {},
      destination: { kind: 'http', settings: {}, authorization: null },
      delivery: { ordering: 'none' },
    })
  })

  test('reads back what was written', () => {
    const once = CurrentDefinition.parse(least)
    expect(CurrentDefinition.parse(JSON.parse(JSON.stringify(once)))).toEqual(once)
  })

  test.each([
    ['a name with capitals', { name: 'To-TD' }],
    ['a name of 64 characters', { name: 'a'.repeat(64) }],
    ['a contact who is none', { contactEmail: 'nobody' }],
    ['no sources', { sources: [] }],
    ['no types', { selection: { include: [] } }],
    ['a rule that is none', { fields: { email_address: 'burn' } }],
    ['too many requests at once', { delivery: { inFlightMax: 65 } }],
    ['a word that we do not know', { colour: 'blue' }],
  ])('is refused with %s', (_, over) => {
    expect(CurrentDefinition.safeParse({ ...least, ...over }).success).toBe(false)
  })
})
