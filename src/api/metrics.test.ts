import { expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { event, httpSink, SOURCE } from '../../test/support/stack.ts'
import { startApi } from './api.fixture.ts'

/** Samples by their name and labels. */
function samples(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

test('metrics read the numbers of sources, log and currents', async () => {
  const stack = await startApi()
  await stack.launch('hook', httpSink(stack.sandbox))
  await stack.post([event('a'), event('b'), event('b'), 5])
  await stack.settled()
  const read = async () => {
    const answer = await stack.call('viewer', 'GET', '/metrics')
    expect(answer.headers['content-type']).toContain('text/plain')
    return samples(answer.text)
  }
  const found = await eventually('the delivery is counted', async () => {
    const now = await read()
    return now.get('thalweg_current_delivered_total{current="hook"}') === 2 && now
  })
  const expected: readonly [name: string, value: number][] = [
    [`thalweg_source_accepted_total{source="${SOURCE}"}`, 2],
    [`thalweg_source_duplicates_total{source="${SOURCE}"}`, 1],
    [`thalweg_source_quarantined_total{source="${SOURCE}"}`, 1],
    ['thalweg_current_filtered_total{current="hook"}', 1],
    ['thalweg_current_dead_total{current="hook"}', 0],
    ['thalweg_current_pending{current="hook"}', 0],
    ['thalweg_current_lag_seconds{current="hook"}', 0],
    ['thalweg_current_gate{current="hook",state="open"}', 1],
    ['thalweg_current_gate{current="hook",state="closed"}', 0],
    ['thalweg_current_state{current="hook",state="running"}', 1],
    ['thalweg_log_head_offset', 3],
    ['thalweg_log_open', 1],
  ]
  for (const [name, value] of expected) expect(found.get(name), name).toBe(value)
  for (const name of ['thalweg_log_bytes', 'thalweg_log_syncs_total', 'process_cpu_seconds_total'])
    expect(found.get(name), name).toBeGreaterThan(0)

  const requests = found.get('thalweg_current_requests_total{current="hook"}')
  expect(found.get('thalweg_current_attempt_seconds_count{current="hook"}')).toBe(requests)
  expect(found.get('thalweg_current_attempt_seconds_bucket{current="hook",le="+Inf"}')).toBe(requests)
  expect(found.get('thalweg_current_attempts_total{current="hook",status="204"}')).toBe(requests)
  const buckets = [...found]
    .filter(([name]) => name.startsWith('thalweg_source_answer_seconds_bucket'))
    .map(([, value]) => value)
  expect(buckets).toEqual(buckets.toSorted((a, b) => a - b))
  expect(buckets.at(-1)).toBe(1)
})

test('a current that is gone leaves no samples behind', async () => {
  const stack = await startApi()
  const { number } = await stack.launch('hook', httpSink(stack.sandbox))
  const text = async () => (await stack.call('viewer', 'GET', '/metrics')).text
  expect(await text()).toContain('current="hook"')
  await stack.hub.delivery.remove(number)
  await eventually('it is gone', async () => !(await text()).includes('current="hook"'))
})
