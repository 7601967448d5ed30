import { describe, expect, it } from 'vitest'
import type { EventBatch } from '../../core/batch.ts'
import { batchOf, outcomes, rehearse, reply } from '../rehearsal.fixture.ts'
import { postgres } from './postgres.ts'
import { PostgresSettings } from './settings.ts'
import { readRequest } from './wire.ts'

const TARGET = {
  settings: PostgresSettings.parse({ host: '/run/pg', database: 'a/b c', schema: 'S', table: 'e?v' }),
  credentials: { user: 'loader', password: 'p"w' },
}
const COLUMNS = [
  ['_current', 'text'],
  ['_offset', 'bigint'],
  ['note', 'text'],
  ['properties', 'json'],
]

function write(batch: EventBatch) {
  const writer = postgres.events?.writer(TARGET, {} as never, new Map())
  if (writer === undefined) throw new Error('no intake')
  return writer.write(batch)
}

const failure = (sqlstate: string) => reply(500, 'what PostgreSQL said', { sqlstate })

describe('the requests', () => {
  const EVENT = { user: null, properties: { note: 'a\tb\\' } }

  it('ask for the columns, then bring the rows for these', () => {
    const { requests, result } = rehearse(write(batchOf([EVENT])), [reply(200, COLUMNS), reply(200)])
    expect(outcomes(result)).toEqual(['delivered'])
    expect(requests.map(({ method, url }) => [method, url])).toEqual([
      ['PUT', 'postgres://%2Frun%2Fpg:5432/a%2Fb%20c/S/e%3Fv?tls=verify'],
      ['POST', 'postgres://%2Frun%2Fpg:5432/a%2Fb%20c/S/e%3Fv?tls=verify'],
    ])
    expect(JSON.parse(requests[0]?.body ?? '')).toContainEqual(['note', 'text'])
    expect(requests[1]?.body).toBe('c0ffee\t1000\ta\\tb\\\\\t{"note":"a\\\\tb\\\\\\\\"}\n')
  })

  it('are read as they were written', () => {
    const exchange = write(batchOf([EVENT, EVENT]))
    exchange.next()
    const step = exchange.next(reply(200, COLUMNS))
    if (step.done === true) throw new Error('nothing was asked')
    expect(readRequest(step.value)).toMatchObject({
      place: { host: '/run/pg', port: 5432, database: 'a/b c', tls: 'verify' },
      user: 'loader',
      password: 'p"w',
      schema: 'S',
      table: 'e?v',
      create: true,
      order: { kind: 'load', head: { current: 'c0ffee', from: 1000, to: 1001 } },
    })
  })
})

describe('faults', () => {
  it.each([
    ['28P01', 'unauthorized'],
    ['22P02', 'invalid'],
    ['23514', 'invalid'],
    ['54000', 'invalid'],
    ['P0001', 'invalid'],
    ['3D000', 'misconfigured'],
    ['42501', 'misconfigured'],
    ['0A000', 'misconfigured'],
    ['53300', 'unavailable'],
    ['57P03', 'unavailable'],
    ['40001', 'unavailable'],
    ['40P01', 'unavailable'],
    ['55P03', 'unavailable'],
    ['25006', 'unavailable'],
    ['XX000', 'unavailable'],
    ['42701', 'unavailable'],
  ])('%s: %s', (sqlstate, kind) => {
    const { result } = rehearse(write(batchOf([{}, {}])), [reply(200, COLUMNS), failure(sqlstate)])
    expect(outcomes(result)).toEqual([`failed:${kind}`, `failed:${kind}`])
    // One fault for all: delivery then looks for the record that is meant.
    expect(result[0]).toBe(result[1])
  })

  it.each(['42P01', '42703', '3F000'])(
    '%s: halts when we look, waits when it was there a moment ago',
    (sqlstate) => {
      expect(outcomes(rehearse(write(batchOf([{}])), [failure(sqlstate)]).result)).toEqual([
        'failed:misconfigured',
      ])
      expect(
        outcomes(rehearse(write(batchOf([{}])), [reply(200, COLUMNS), failure(sqlstate)]).result),
      ).toEqual(['failed:unavailable'])
    },
  )
})
