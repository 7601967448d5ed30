/** The engine against the double, over a real socket. */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type Clock, systemClock, VirtualClock } from '../../core/clock.ts'
import { seededRandom } from '../../core/random.ts'
import { TreasureDataCredentials } from '../../destinations/treasure-data/settings.ts'
import type { Double } from '../../sandbox/double.ts'
import { DEMO, startTreasureData } from '../../sandbox/sandbox.ts'
import type { TreasureData } from '../../sandbox/treasure-data.ts'
import { type Cell, PAGE_ROWS_MAX, type QueryEngine, type QueryStream } from '../warehouse.ts'
import { type TreasureDataMeans, treasureDataEngine } from './open.ts'
import { TreasureDataQuerySettings } from './treasure-data.ts'

const KEY = DEMO.treasureDataKey
const WRITE_ONLY = '1/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
const TIMEOUT_MS = 600_000
/** Every number from 1 to a million once. */
const MILLION = `SELECT 1000 * (a.x - 1) + b.y AS n FROM UNNEST(sequence(1, 1000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 1000)) AS b(y)`
/** A million rows take seconds, on a busy machine many. */
const PATIENCE = { timeout: 180_000 }

let waits: number[]
let double: Double<TreasureData>
let opened: { close(): Promise<void> }[]

/** Real time, in which nobody waits longer than a moment; tells how long was asked for. */
const hurried: Clock = {
  ...systemClock,
  sleep: (ms, signal) => {
    waits.push(ms)
    return systemClock.sleep(Math.min(ms, 5), signal)
  },
}

beforeEach(async () => {
  waits = []
  double = await startTreasureData(
    { clock: systemClock, random: seededRandom(3) },
    { keys: [KEY, WRITE_ONLY], writeOnlyKeys: [WRITE_ONLY] },
  )
  opened = [double]
})
afterEach(async () => {
  for (const one of opened.reverse()) await one.close()
})

interface Asked extends Partial<TreasureDataMeans> {
  readonly host?: string
  readonly apiKey?: string
  readonly settings?: Record<string, unknown>
}

function engine(asked: Asked = {}): QueryEngine {
  const { host = double.url, apiKey = KEY, settings, ...means } = asked
  const made = treasureDataEngine(
    TreasureDataQuerySettings.parse({ host, database: DEMO.database, ...settings }),
    TreasureDataCredentials.parse({ writeKey: WRITE_ONLY, apiKey }),
    { clock: hurried, random: seededRandom(5), pace: { firstMs: 1, maxMs: 20 }, ...means },
  )
  opened.push(made)
  return made
}

function query(sql: string, also: { rowsMax?: number; signal?: AbortSignal; by?: QueryEngine } = {}) {
  const { signal = new AbortController().signal, by = engine(), ...request } = also
  return by.query({ sql, timeoutMs: TIMEOUT_MS, ...request }, signal)
}

async function rowsOf(stream: QueryStream): Promise<(readonly Cell[])[]> {
  const rows: (readonly Cell[])[] = []
  for await (const page of stream.pages) rows.push(...page)
  return rows
}

function post(events: unknown[]) {
  return fetch(`${double.url}/postback/v3/event/${DEMO.database}/braze`, {
    method: 'POST',
    headers: { 'x-td-write-key': KEY },
    body: JSON.stringify({ events }),
  })
}

/** Jobs that the double was given, by status. */
const jobs = () => double.state().jobs

describe('a query', () => {
  it('tells columns with their types, and cells that JSON can hold', async () => {
    const stream = await query(
      `SELECT 1 AS i, 9007199254740993 AS big, 1.5e0 AS d, nan() AS nan, 1.50 AS dec, true AS b, NULL AS n, 'é' AS s,
         TIMESTAMP '2020-02-29 01:02:03' AS t, DATE '2020-02-29' AS day, ARRAY[1, 9007199254740993] AS l, MAP(ARRAY['k'], ARRAY['v']) AS m`,
    )
    expect(stream.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'i integer',
      'big bigint',
      'd double',
      'nan double',
      'dec decimal(3,2)',
      'b boolean',
      'n integer',
      's varchar',
      't timestamp',
      'day date',
      'l array(bigint)',
      'm map(varchar,varchar)',
    ])
    expect(await rowsOf(stream)).toEqual([
      [
        1,
        '9007199254740993',
        1.5,
        'NaN',
        '1.50',
        true,
        null,
        'é',
        '2020-02-29T01:02:03.000Z',
        '2020-02-29',
        '[1,"9007199254740993"]',
        '{"k":"v"}',
      ],
    ])
    expect(stream.cut()).toBe(false)
  })

  it('counts events by type as the page says', async () => {
    await post([
      { id: '1', event_type: 'open' },
      { id: '2', event_type: 'open' },
    ])
    const sql = `SELECT json_extract_scalar(e, '$.event_type') AS event_type, count(*) AS n FROM braze
      CROSS JOIN UNNEST(CAST(json_parse(events) AS ARRAY(JSON))) AS t(e) WHERE td_interval(time, '1d') GROUP BY 1 ORDER BY 2 DESC;`
    expect(await rowsOf(await query(sql))).toEqual([['open', 2]])
  })

  it('without rows has columns and no page', async () => {
    const stream = await query('SELECT 1 AS a FROM UNNEST(ARRAY[1]) AS t(x) WHERE x > 1')
    expect(stream.columns).toEqual([{ name: 'a', type: 'integer' }])
    expect(await rowsOf(stream)).toEqual([])
  })

  it('stops at rowsMax and says whether there was more', async () => {
    const sql = 'SELECT x FROM UNNEST(sequence(1, 5)) AS t(x) ORDER BY x'
    const cut = await query(sql, { rowsMax: 3 })
    expect([await rowsOf(cut), cut.cut()]).toEqual([[[1], [2], [3]], true])
    const whole = await query(sql, { rowsMax: 5 })
    expect([(await rowsOf(whole)).length, whole.cut()]).toEqual([5, false])
  })

  it('is asked with the pool and the priority of the settings, at the engine that they name', async () => {
    const relay = await Relay.to(double)
    const by = engine({ host: relay.url, settings: { engine: 'hive', poolName: 'slow', priority: -1 } })
    expect(await rowsOf(await query('SELECT `x` FROM (SELECT "it\'s" AS x) AS t', { by }))).toEqual([
      ["it's"],
    ])
    expect(relay.sent).toMatch(/POST \/v3\/job\/issue\/hive\/thalweg_demo HTTP/)
    expect(relay.sent).toMatch(/&priority=-1&domain_key=thalweg-[0-9a-f]{32}&pool_name=slow/)
  })
})

describe('a result of a million rows', () => {
  it('comes whole, in pages', PATIENCE, async () => {
    const stream = await query(MILLION)
    let rows = 0
    let sum = 0
    let longest = 0
    for await (const page of stream.pages) {
      longest = Math.max(longest, page.length)
      for (const [n] of page) {
        rows++
        sum += Number(n)
      }
    }
    expect([rows, sum, longest]).toEqual([1_000_000, 500_000_500_000, PAGE_ROWS_MAX])
  })

  it('is only read as fast as its reader, and no further than it wants', PATIENCE, async () => {
    // Numbers that do not compress: the result is long on the wire too.
    const relay = await Relay.to(double)
    const by = engine({ host: relay.url })
    const sql = `SELECT n, random() AS a, random() AS b, random() AS c FROM (${MILLION})`
    const stream = await query(sql, { by })
    for await (const page of stream.pages) {
      expect(page.length).toBe(PAGE_ROWS_MAX)
      await relay.still()
      break
    }
    const length = Number(/content-length: (\d{7,})/.exec(relay.told)?.[1])
    expect(length).toBeGreaterThan(15_000_000)
    expect(relay.toldBytes).toBeLessThan(length / 2)
    await eventually('the connection of the unread rest is closed', () => relay.closed === 1)
  })

  it('goes on where the download broke, without a row twice', PATIENCE, async () => {
    double.faults.set([{ kind: 'cut_body', afterBytes: 100_000, path: '/v3/job/result/', next: 3 }])
    const rows = await rowsOf(await query('SELECT x FROM UNNEST(sequence(1, 300000)) AS t(x) ORDER BY x'))
    expect(rows.length).toBe(300_000)
    expect(rows.every(([x], i) => x === i + 1)).toBe(true)
    expect(double.faults.state()[0]?.used).toBe(3)
  })
})

describe('ends', () => {
  it('when it is cancelled while the job runs: the job is killed', async () => {
    double.faults.set([{ kind: 'slow_job', ms: 600_000 }])
    const cancelling = new AbortController()
    const running = query('SELECT 1', { signal: cancelling.signal })
    const refused = expect(running).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
    await eventually('the job runs', () => isIn('running'))
    cancelling.abort()
    await refused
    expect(jobs()).toEqual({ killed: 1 })
  })

  it('when it is cancelled while rows come', async () => {
    const cancelling = new AbortController()
    const sql = 'SELECT x FROM UNNEST(sequence(1, 50000)) AS t(x)'
    const stream = await query(sql, { signal: cancelling.signal })
    let pages = 0
    const read = async () => {
      for await (const page of stream.pages) {
        pages += page.length > 0 ? 1 : 0
        cancelling.abort()
      }
    }
    await expect(read()).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
    expect(pages).toBe(1)
  })

  it('at once when it was cancelled before: no job is issued', async () => {
    await expect(query('SELECT 1', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'QUERY_CANCELLED',
    })
    expect(jobs()).toEqual({})
  })

  it('when its time is over: the job is killed', async () => {
    double.faults.set([{ kind: 'slow_job', ms: 600_000 }])
    const clock = new VirtualClock(0)
    const running = engine({ clock, pace: { firstMs: 100, maxMs: 1000 } }).query(
      { sql: 'SELECT 1', timeoutMs: 5000 },
      new AbortController().signal,
    )
    const refused = expect(running).rejects.toMatchObject({
      code: 'QUERY_TIMEOUT',
      message: 'The query took longer than 5000 ms.',
    })
    await eventually('the job runs', () => isIn('running'))
    await eventually('the time is over', async () => {
      await clock.advance(1000)
      return isIn('killed')
    })
    await refused
  })

  it('and says so when the job could not be killed', async () => {
    double.faults.set([
      { kind: 'slow_job', ms: 600_000 },
      { kind: 'status', status: 403, path: '/v3/job/kill/', body: '{"message":"not yours"}' },
    ])
    const cancelling = new AbortController()
    const running = query('SELECT 1', { signal: cancelling.signal })
    const refused = expect(running).rejects.toMatchObject({
      code: 'QUERY_CANCELLED',
      message: expect.stringMatching(/The job may still run at Treasure Data: .*403.*not yours/),
    })
    await eventually('the job runs', () => isIn('running'))
    cancelling.abort()
    await refused
  })

  const isIn = (status: string) => Object.hasOwn(jobs() as object, status)
})

describe('fails with the words of the engine', () => {
  const cases: { what: string; sql: string; message: string | RegExp; settings?: Record<string, unknown> }[] =
    [
      {
        what: 'an unknown column, with its place',
        sql: 'SELECT 1,\n  nope\nFROM braze',
        message: "line 2:3: Column 'nope' cannot be resolved",
      },
      {
        what: 'an unknown table',
        sql: 'SELECT 1 FROM nope',
        message: "line 1:15: Table 'td.thalweg_demo.nope' does not exist",
      },
      { what: 'a syntax error', sql: 'SELECT 1 FROM WHERE', message: "line 1:15: mismatched input 'WHERE'" },
      {
        what: 'an unknown database',
        sql: 'SELECT 1',
        settings: { database: 'nope_db' },
        message: /refuses \(404\): .*nope_db/,
      },
    ]
  it.each(cases)('$what', async ({ sql, message, settings = {} }) => {
    await post([{ id: '1' }])
    await expect(query(sql, { by: engine({ settings }) })).rejects.toMatchObject({
      code: 'QUERY_FAILED',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    })
  })

  it('a job that the engine gave up', async () => {
    double.faults.set([{ kind: 'fail_job', error: 'Query exceeded per-node memory limit of 4GB' }])
    await expect(query('SELECT 1')).rejects.toThrow(/^Query exceeded per-node memory limit of 4GB$/)
  })

  it('a wrong key, which the error does not repeat', async () => {
    for (const apiKey of ['1/ffffffffffffffffffffffffffffffffffffffff', WRITE_ONLY]) {
      const error: Error = await query('SELECT 1', { by: engine({ apiKey }) }).then(
        () => Promise.reject(new Error('it was taken')),
        (refused) => refused,
      )
      expect(error).toMatchObject({ code: 'QUERY_FAILED', message: expect.stringMatching(/40[13].*API key/) })
      expect(JSON.stringify([error.message, error.stack])).not.toContain(apiKey)
    }
  })

  it('a result that expired', async () => {
    double.vendor.configure({ resultTtlMs: 0 })
    double.faults.set([{ kind: 'latency', ms: 5, path: '/v3/job/show/' }])
    await expect(query('SELECT 1')).rejects.toThrow(/no longer has the result of job 1: it expired/)
  })
})

describe('tries again', () => {
  it('after 429, no sooner than Retry-After says, and after 5xx on status', async () => {
    double.faults.set([
      { kind: 'status', status: 429, headers: { 'retry-after': '7' }, path: '/v3/job/issue/', next: 1 },
      { kind: 'status', status: 503, path: '/v3/job/status/', next: 2 },
    ])
    expect(await rowsOf(await query('SELECT 1'))).toEqual([[1]])
    expect(waits[0]).toBe(7000)
    expect(waits[1]).toBeGreaterThanOrEqual(375)
    expect(waits[1]).toBeLessThanOrEqual(625)
    expect(waits[2]).toBeGreaterThanOrEqual(750)
    expect(jobs()).toEqual({ success: 1 })
  })

  it('up to seven times', async () => {
    double.faults.set([{ kind: 'status', status: 500, body: '{"error":"down"}', path: '/v3/job/issue/' }])
    await expect(query('SELECT 1')).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: `Treasure Data at ${double.url} answers 500: down`,
    })
    expect(double.tally.requests).toBe(7)
  })

  it('but not when the vendor wants it to wait for an hour', async () => {
    double.faults.set([{ kind: 'status', status: 503, headers: { 'retry-after': '3600' } }])
    await expect(query('SELECT 1')).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
    expect(double.tally.requests).toBe(1)
  })

  it('after a lost answer, and finds the job that it had issued', async () => {
    double.faults.set([{ kind: 'drop_after', path: '/v3/job/issue/', next: 2 }])
    expect(await rowsOf(await query('SELECT 1'))).toEqual([[1]])
    expect(jobs()).toEqual({ success: 1 })
    expect(double.tally).toMatchObject({ cut: 2, answers: { 409: 1 } })
  })

  it('while nobody listens', async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    )
    await new Promise((resolve) => server.close(resolve))
    await expect(
      query('SELECT 1', { by: engine({ host: `http://127.0.0.1:${port}` }) }),
    ).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringMatching(/does not answer: .*ECONNREFUSED/),
    })
    expect(waits.length).toBe(6)
  })
})

it('runs one job for two clients with one domain key', async () => {
  const domainKey = () => 'the-same-for-both'
  const both = [engine({ domainKey }), engine({ domainKey })]
  const results = await Promise.all(
    both.map(async (by) => rowsOf(await query('SELECT random() AS r', { by }))),
  )
  expect(results[0]).toEqual(results[1])
  expect(jobs()).toEqual({ success: 1 })
})

it('tells the tables of its database', async () => {
  await post([{ id: '1' }])
  expect(await engine().tables(new AbortController().signal)).toEqual([
    {
      database: DEMO.database,
      table: 'braze',
      rows: 1,
      columns: [
        { name: 'time', type: 'long' },
        { name: 'events', type: 'string' },
      ],
    },
  ])
})

describe('settings and credentials', () => {
  it('name a site or a host', () => {
    const problem = /Give a site or a host/
    expect(() => TreasureDataQuerySettings.parse({ database: 'db1' })).toThrow(problem)
    expect(() =>
      TreasureDataQuerySettings.parse({ database: 'db1', site: 'us01', host: 'http://a.example' }),
    ).toThrow(problem)
    expect(TreasureDataQuerySettings.parse({ database: 'db1', site: 'us01' })).toEqual({
      database: 'db1',
      site: 'us01',
      engine: 'trino',
      priority: 0,
    })
  })

  it('of an authorization that can only write: the missing key is named', () => {
    expect(() =>
      treasureDataEngine(
        TreasureDataQuerySettings.parse({ database: 'db1', site: 'us01' }),
        TreasureDataCredentials.parse({ writeKey: WRITE_ONLY }),
        { clock: systemClock, random: seededRandom(1) },
      ),
    ).toThrow(/queries need apiKey/)
  })
})

/** A wire between engine and double that can be looked at. */
class Relay {
  sent = ''
  told = ''
  toldBytes = 0
  closed = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const vendor = connect(target, '127.0.0.1')
      client.on('close', () => this.closed++)
      client.on('data', (piece) => {
        this.sent += piece.toString('latin1')
      })
      vendor.on('data', (piece) => {
        if (this.toldBytes < 1_000_000) this.told += piece.toString('latin1')
        this.toldBytes += piece.length
      })
      for (const [from, to] of [
        [client, vendor],
        [vendor, client],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => to.destroy())
        from.on('close', () => to.destroy())
        from.pipe(to)
      }
    })
  }

  static async to(target: Double<TreasureData>): Promise<Relay> {
    const relay = new Relay(target.port)
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve))
    opened.push(relay)
    return relay
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves when nothing more passes: as much is on its way as anybody is ready to keep. */
  async still(): Promise<void> {
    let before = -1
    let looks = 0
    await eventually('nothing passes for 20 looks', () => {
      looks = before === this.toldBytes ? looks + 1 : 0
      before = this.toldBytes
      return looks === 20
    })
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
