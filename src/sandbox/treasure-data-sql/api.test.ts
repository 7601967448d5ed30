import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../core/clock.ts'
import { seededRandom } from '../../core/random.ts'
import type { Double } from '../double.ts'
import { DEMO, startTreasureData } from '../sandbox.ts'
import { type Asked, ask, until } from '../testing.ts'
import type { TreasureData } from '../treasure-data.ts'

const NOW_S = 1_700_000_000
const KEY = DEMO.treasureDataKey
const WRITE_ONLY = '1/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
const DATABASE = DEMO.database
const COUNT = `SELECT json_extract_scalar(e, '$.event_type') AS event_type, count(*) AS n
  FROM braze CROSS JOIN UNNEST(CAST(json_parse(events) AS ARRAY(JSON))) AS t(e) GROUP BY 1 ORDER BY 2 DESC, 1`
const THOUSANDS = (count: number) =>
  `SELECT x, 'row' AS word FROM UNNEST(sequence(1, ${count})) AS t(x) ORDER BY x`

let clock: VirtualClock
let double: Double<TreasureData>

beforeEach(async () => {
  clock = new VirtualClock(NOW_S * 1000)
  double = await startTreasureData(
    { clock, random: seededRandom(7) },
    { keys: [KEY, WRITE_ONLY], writeOnlyKeys: [WRITE_ONLY] },
  )
})
afterEach(() => double.close())

function api(path: string, asked: Asked = {}) {
  return ask(`${double.url}/v3/${path}`, {
    ...asked,
    headers: { authorization: `TD1 ${KEY}`, ...asked.headers },
  })
}

const form = (fields: Record<string, string>): Asked => ({
  body: new URLSearchParams(fields).toString(),
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
})

async function issue(query: string, also: Record<string, string> = {}, type = 'presto'): Promise<string> {
  const told = await api(`job/issue/${type}/${DATABASE}`, form({ query, ...also }))
  expect(told.status).toBe(200)
  expect(told.json).toEqual({ job: told.json.job_id, job_id: told.json.job_id, database: DATABASE })
  return told.json.job_id
}

/** The job in `status`, told by job/show. */
async function reached(id: string, status: string) {
  for (;;) {
    const told = await api(`job/show/${id}`)
    if (told.json.status === status) return told.json
    if (!['queued', 'running'].includes(told.json.status)) throw new Error(JSON.stringify(told.json))
  }
}

function post(events: unknown[]) {
  return ask(`${double.url}/postback/v3/event/${DATABASE}/braze?td_write_key=${encodeURIComponent(KEY)}`, {
    body: { events },
  })
}

describe('a job', () => {
  it('counts the events of Postback rows by type, the documented query', async () => {
    await post([
      { id: '1', event_type: 'open' },
      { id: '2', event_type: 'click' },
    ])
    await post([{ id: '3', event_type: 'open' }])
    const id = await issue(COUNT)
    const job = await reached(id, 'success')
    expect(job).toMatchObject({
      job_id: id,
      type: 'presto',
      database: DATABASE,
      query: COUNT,
      created_at: '2023-11-14 22:13:20 UTC',
      end_at: '2023-11-14 22:13:20 UTC',
      num_records: 2,
      hive_result_schema: '[["event_type","varchar"],["n","bigint"]]',
    })
    const result = await api(`job/result/${id}?format=json`)
    expect(result.text).toBe('["open",2]\n["click",1]\n')
  })

  it('sees rows only after the ingestion delay, whichever door they came by', async () => {
    double.vendor.configure({ queryDelayMs: 300_000 })
    await post([{ id: '1', event_type: 'open' }])
    await ask(`${double.url}/${DATABASE}/braze`, {
      headers: { authorization: `TD1 ${KEY}`, 'content-type': 'application/vnd.treasuredata.v1+json' },
      body: { records: [{ id: '2', event_type: 'a record' }] },
    })
    await ask(`${double.url}/v1/task/${DEMO.taskId}`, {
      headers: { authorization: `Bearer ${KEY}` },
      body: { events: [{ id: '3', event_type: 'streamed' }] },
    })
    const counts = async () => {
      const id = await issue(`SELECT (SELECT count(*) FROM braze), (SELECT count(*) FROM ${DEMO.table})`)
      await reached(id, 'success')
      return (await api(`job/result/${id}?format=json`)).json
    }
    await clock.advance(299_999)
    expect((await api(`table/list/${DATABASE}`)).json.tables).toEqual([])
    await clock.advance(1)
    expect(await counts()).toEqual([2, 1])
  })

  it('goes from queued to running to its end, by the clock of the double', async () => {
    double.faults.set([{ kind: 'slow_job', ms: 60_000, path: '/v3/job/issue/presto' }])
    const slow = await issue('SELECT 1')
    await reached(slow, 'running')
    await clock.advance(59_999)
    expect((await api(`job/status/${slow}`)).json).toMatchObject({
      status: 'running',
      end_at: '',
      duration: null,
      num_records: null,
    })
    await clock.advance(1)
    expect(await reached(slow, 'success')).toMatchObject({ duration: 60, result_size: expect.any(Number) })
    expect(await reached(await issue('SELECT 1', {}, 'trino'), 'success')).toMatchObject({ duration: 0 })
  })

  it('waits while as many run as may', async () => {
    double.faults.set([{ kind: 'slow_job', ms: 60_000 }])
    const ids: string[] = []
    for (let i = 0; i < 6; i++) ids.push(await issue('SELECT 1'))
    await reached(ids[3] ?? '', 'running')
    expect((await api(`job/status/${ids[4]}`)).json.status).toBe('queued')
    expect((await api(`job/kill/${ids[4]}`, { method: 'POST' })).json.former_status).toBe('queued')
    expect((await api(`job/kill/${ids[0]}`, { method: 'POST' })).json.former_status).toBe('running')
    await reached(ids[5] ?? '', 'running')
    const listed = (await api('job/list?status=killed')).json
    expect(listed).toMatchObject({ count: 2, from: 0, to: 19 })
    expect(listed.jobs.map(({ job_id }: { job_id: string }) => job_id)).toEqual([ids[4], ids[0]])
  })

  it('that fails tells the place in the text, in the words of the vendor', async () => {
    await api(`table/create/${DATABASE}/braze/log`, { method: 'POST' })
    const id = await issue('SELECT 1,\n  nope FROM braze')
    const job = await reached(id, 'error')
    expect(job.debug.stderr).toBe(
      "Query 20231114_221320_00001_td failed: line 2:3: Column 'nope' cannot be resolved\n",
    )
    expect((await api(`job/result/${id}?format=json`)).status).toBe(404)
  })

  it('can be made to fail', async () => {
    double.faults.set([{ kind: 'fail_job', error: 'Query exceeded per-node memory limit', next: 1 }])
    const job = await reached(await issue('SELECT 1'), 'error')
    expect(job.debug.stderr).toMatch(/failed: Query exceeded per-node memory limit\n$/)
    await reached(await issue('SELECT 1'), 'success')
  })

  it('is killed in the middle of its work', async () => {
    const id = await issue(
      'SELECT count(*) FROM UNNEST(sequence(1, 1000000)) AS a(x), UNNEST(sequence(1, 1000000)) AS b(y) WHERE x % 7 = y % 11',
    )
    await reached(id, 'running')
    expect((await api(`job/kill/${id}`, { method: 'POST' })).json).toEqual({
      job_id: id,
      former_status: 'running',
    })
    expect((await api(`job/status/${id}`)).json.status).toBe('killed')
    expect((await api(`job/kill/${id}`, { method: 'POST' })).json.former_status).toBe('killed')
  })

  it('is issued once for one domain_key', async () => {
    const id = await issue('SELECT 1', { domain_key: 'mine' })
    const again = await api(`job/issue/trino/${DATABASE}`, {
      body: { query: 'SELECT 2', domain_key: 'mine' },
    })
    expect([again.status, again.json.details]).toEqual([409, { conflicts_with: id }])
    expect((await api('job/status_by_domain_key/mine')).json.job_id).toBe(id)
    expect((await api('job/status_by_domain_key/other')).status).toBe(404)
  })

  it('knows the moment that it is scheduled for', async () => {
    const id = await issue('SELECT td_scheduled_time()', { scheduled_time: '2020-01-01T00:00:00Z' })
    await reached(id, 'success')
    expect((await api(`job/result/${id}?format=json`)).json).toEqual([1_577_836_800])
  })
})

describe('a result', () => {
  const VALUES = `SELECT * FROM (VALUES (1, 'a,"b"', 1.5e0, true, ARRAY[1, 2]), (-9007199254740993, NULL, nan(), false, NULL)) AS t(i, s, d, b, l)`
  const formats: { format: string; body: string }[] = [
    { format: 'json', body: '[1,"a,\\"b\\"",1.5,true,[1,2]]\n[-9007199254740993,null,NaN,false,null]\n' },
    {
      format: 'json&nullify_special=true',
      body: '[1,"a,\\"b\\"",1.5,true,[1,2]]\n[-9007199254740993,null,null,false,null]\n',
    },
    {
      format: 'jsonl&nullify_special=true',
      body: '{"i":1,"s":"a,\\"b\\"","d":1.5,"b":true,"l":[1,2]}\n{"i":-9007199254740993,"s":null,"d":null,"b":false,"l":null}\n',
    },
    { format: 'csv', body: '1,"a,""b""",1.5,true,"[1,2]"\n-9007199254740993,,NaN,false,\n' },
    {
      format: 'csv&header=true',
      body: 'i,s,d,b,l\n1,"a,""b""",1.5,true,"[1,2]"\n-9007199254740993,,NaN,false,\n',
    },
    { format: 'tsv', body: '1\t"a,""b"""\t1.5\ttrue\t[1,2]\n-9007199254740993\t\tNaN\tfalse\t\n' },
  ]
  it.each(formats)('as $format', async ({ format, body }) => {
    const id = await issue(VALUES)
    await reached(id, 'success')
    expect((await api(`job/result/${id}?format=${format}`)).text).toBe(body)
  })

  it('as msgpack: one array per row; msgpack.gz is the same, compressed, and its size is told', async () => {
    const id = await issue(
      "SELECT 200, 'é', 0.5e0, NULL, MAP(ARRAY['k'], ARRAY[true]) UNION ALL SELECT -1, 'x', 1e0, NULL, NULL",
    )
    const { result_size } = await reached(id, 'success')
    const bytes = await bytesOf(`job/result/${id}?format=msgpack`)
    expect(bytes.toString('hex')).toBe(
      '95d2000000c8a2c3a9cb3fe0000000000000c081a16bc395ffa178cb3ff0000000000000c0c0',
    )
    const packed = await bytesOf(`job/result/${id}?format=msgpack.gz`)
    expect(gunzipSync(packed)).toEqual(bytes)
    expect(packed.length).toBe(result_size)
  })

  it('is read in parts, as long as it is the same', async () => {
    const id = await issue(THOUSANDS(1000))
    await reached(id, 'success')
    const path = `job/result/${id}?format=csv`
    const whole = await api(path)
    const etag = String(whole.headers.etag)
    const part = await api(path, { headers: { range: 'bytes=10-19', 'if-range': etag } })
    expect([part.status, part.text, part.headers['content-range']]).toEqual([
      206,
      whole.text.slice(10, 20),
      `bytes 10-19/${whole.text.length}`,
    ])
    expect((await api(path, { headers: { range: 'bytes=10-', 'if-range': etag } })).text).toBe(
      whole.text.slice(10),
    )
    expect((await api(path, { headers: { range: 'bytes=10-', 'if-range': '"other"' } })).status).toBe(200)
    expect((await api(path, { headers: { range: `bytes=${whole.text.length}-` } })).status).toBe(416)
  })

  it('is cut in the middle by a fault', async () => {
    const id = await issue(THOUSANDS(1000))
    await reached(id, 'success')
    double.faults.set([{ kind: 'cut_body', afterBytes: 100, path: '/v3/job/result/', next: 1 }])
    await expect(api(`job/result/${id}?format=csv`)).rejects.toThrow()
    expect((await api(`job/result/${id}?format=csv`)).text.split('\n')).toHaveLength(1001)
  })

  it('expires', async () => {
    double.vendor.configure({ resultTtlMs: 1000 })
    const id = await issue('SELECT 1')
    await reached(id, 'success')
    await clock.advance(1001)
    const told = await api(`job/result/${id}?format=json`)
    expect([told.status, told.json.message]).toEqual([
      404,
      `Resource not found: the result of job ${id} has expired`,
    ])
    expect((await api(`job/status/${id}`)).json.status).toBe('success')
  })

  async function bytesOf(path: string): Promise<Buffer> {
    const answer = await fetch(`${double.url}/v3/${path}`, { headers: { authorization: `TD1 ${KEY}` } })
    return Buffer.from(await answer.arrayBuffer())
  }
})

describe('databases and tables', () => {
  it('are made, listed and shown, with the columns that rows brought', async () => {
    expect((await api('database/create/shop_db', { method: 'POST' })).json).toEqual({ database: 'shop_db' })
    expect((await api('database/create/shop_db', { method: 'POST' })).status).toBe(409)
    expect((await api('database/list')).json.databases.map(({ name }: { name: string }) => name)).toEqual([
      DATABASE,
      'shop_db',
    ])
    const made = await api('table/create/shop_db/carts/log', { method: 'POST' })
    expect(made.json).toEqual({ database: 'shop_db', table: 'carts', type: 'log' })
    expect((await api('table/create/shop_db/carts/log', { method: 'POST' })).status).toBe(409)
    await ask(`${double.url}/shop_db/carts`, {
      headers: { authorization: `TD1 ${KEY}`, 'content-type': 'application/vnd.treasuredata.v1+json' },
      body: { records: [{ time: NOW_S, Total: 1.5, items: 2, who: 'x', uuid: 'u' }] },
    })
    const { tables } = (await api('table/list/shop_db')).json
    expect(tables).toMatchObject([
      {
        name: 'carts',
        count: 1,
        last_log_timestamp: NOW_S,
        schema: '[["total","double"],["items","long"],["who","string"]]',
      },
    ])
    expect((await api('table/show/shop_db/carts')).json).toEqual(tables[0])
    const id = await issue('SELECT count(*) FROM shop_db.carts')
    await reached(id, 'success')
    expect((await api(`job/result/${id}?format=json`)).json).toEqual([1])
  })
})

describe('is refused', () => {
  const issuePath = `job/issue/presto/${DATABASE}`
  const cases: { what: string; path: string; asked?: Asked; status: number }[] = [
    { what: 'no key', path: 'database/list', asked: { headers: { authorization: '' } }, status: 401 },
    {
      what: 'a wrong key',
      path: 'database/list',
      asked: { headers: { authorization: 'TD1 1/f' } },
      status: 401,
    },
    {
      what: 'a write-only key',
      path: 'database/list',
      asked: { headers: { authorization: `TD1 ${WRITE_ONLY}` } },
      status: 403,
    },
    {
      what: 'an unknown database',
      path: 'job/issue/presto/nope',
      asked: form({ query: 'SELECT 1' }),
      status: 404,
    },
    {
      what: 'another type of job',
      path: `job/issue/bulkload/${DATABASE}`,
      asked: form({ query: 'x' }),
      status: 422,
    },
    { what: 'no query', path: issuePath, asked: form({}), status: 422 },
    {
      what: 'a query that is too long',
      path: issuePath,
      asked: form({ query: 'x'.repeat(1_000_001) }),
      status: 422,
    },
    { what: 'a priority', path: issuePath, asked: form({ query: 'SELECT 1', priority: '3' }), status: 422 },
    { what: 'an export', path: issuePath, asked: form({ query: 'SELECT 1', result: '{}' }), status: 422 },
    { what: 'an unknown job', path: 'job/status/99', status: 404 },
    { what: 'an unknown path', path: 'job/frobnicate/1', status: 404 },
  ]
  it.each(cases)('$what', async ({ path, asked, status }) => {
    const told = await api(path, asked)
    expect([told.status, typeof told.json.message, told.json.severity]).toEqual([status, 'string', 'error'])
  })

  it('with 429 beyond a rate, and 5xx while a fault says so', async () => {
    double.faults.set([{ kind: 'rate_limit', perSecond: 1, path: '/v3/job/issue/' }])
    await issue('SELECT 1')
    const told = await api(issuePath, form({ query: 'SELECT 1' }))
    expect([told.status, told.headers['retry-after']]).toEqual([429, '1'])
    double.faults.set([{ kind: 'status', status: 503, path: '/v3/job/status/', next: 1 }])
    expect((await api('job/status/1')).status).toBe(503)
    expect((await api('job/status/1')).status).toBe(200)
  })
})

it('forgets jobs and their results when it is reset', async () => {
  const id = await issue('SELECT 1')
  await reached(id, 'success')
  double.reset()
  expect((await api(`job/status/${id}`)).status).toBe(404)
  expect(double.state().jobs).toEqual({})
  await until(() => double.state().defect === undefined, 'no defect')
})
