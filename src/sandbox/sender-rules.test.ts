import { describe, expect, it } from 'vitest'
import { type Reaction, reactionTo } from './sender-rules.ts'

describe('the response table', () => {
  const rows: [number | undefined, Reaction, Reaction][] = [
    [200, 'done', 'done'],
    [202, 'done', 'done'],
    [204, 'done', 'done'],
    [400, 'split_into_singles', 'drop'],
    [401, 'halt', 'halt'],
    [403, 'halt', 'halt'],
    [404, 'halt', 'halt'],
    [413, 'split_in_half', 'drop'],
    [429, 'back_off', 'back_off'],
    [500, 'back_off', 'back_off'],
    [503, 'back_off', 'back_off'],
    [302, 'back_off', 'back_off'],
    [418, 'back_off', 'back_off'],
    [422, 'back_off', 'back_off'],
    [undefined, 'back_off', 'back_off'],
  ]
  it.each(rows)('%s: a batch %s, a single %s', (status, batch, single) => {
    expect([reactionTo(status, 100), reactionTo(status, 1)]).toEqual([batch, single])
  })
})
