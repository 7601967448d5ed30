import { expect, test } from 'vitest'
import { appendFrame, textFrame } from '../../test/support/log-frames.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { systemClock } from '../core/clock.ts'
import { type SubjectIdentifier, subjectKey } from '../core/traces.ts'
import { openEmbeddedLog } from '../log/embedded-log.ts'
import { joinedIn } from './finding.ts'

const never = new AbortController().signal
const one = (kind: SubjectIdentifier['kind'], value: string): SubjectIdentifier => ({
  kind,
  label: '',
  value,
})

async function joined(records: readonly object[], given: readonly SubjectIdentifier[]) {
  const log = await openEmbeddedLog({
    directory: await tempFolder(),
    clock: systemClock,
    segmentBytes: 65_536,
  })
  for (const record of records) await appendFrame(log, textFrame(JSON.stringify(record)))
  const { identifiers, shared } = await joinedIn(log, given, never)
  await log.close()
  const keys = (some: readonly SubjectIdentifier[]) =>
    some.map((each) => JSON.parse(subjectKey(each))[2]).sort()
  return { identifiers: keys(identifiers), shared: keys(shared) }
}

const ann = (also: object) => ({ user: { external_user_id: 'person-ann', ...also } })
const bob = (also: object) => ({ user: { external_user_id: 'person-bob', ...also } })

test('what stands beside their ids is theirs, over several records', async () => {
  const records = [
    ann({ user_id: 'braze-ann-1' }),
    {
      user: { user_id: 'braze-ann-1', device_id: 'device-ann' },
      properties: { email_address: 'ann@x.example' },
    },
    bob({ user_id: 'braze-bob-1', device_id: 'device-bob' }),
    { properties: { email_address: 'ann@x.example' }, device_id: 'device-of-nobody' },
  ]
  expect(await joined(records, [one('external_id', 'person-ann')])).toEqual({
    identifiers: ['ann@x.example', 'braze-ann-1', 'device-ann', 'person-ann'],
    shared: [],
  })
  // The other way round.
  expect((await joined(records, [one('braze_id', 'braze-ann-1')])).identifiers).toContain('person-ann')
})

test('a shared device or address joins nobody', async () => {
  const records = [
    ann({ device_id: 'family-tablet', email: 'family@x.example' }),
    bob({ device_id: 'family-tablet' }),
    bob({ email: 'FAMILY@x.example', user_id: 'braze-bob-1' }),
  ]
  expect(await joined(records, [one('external_id', 'person-ann')])).toEqual({
    identifiers: ['person-ann'],
    shared: ['family-tablet', 'family@x.example'],
  })
})

test('an address alone, and two external ids in one record, say nothing of who is who', async () => {
  const records = [ann({ email: 'ann@x.example' }), { userId: 'person-ann', previousId: 'person-old' }]
  expect((await joined(records, [one('email', 'ann@x.example')])).identifiers).toEqual(['ann@x.example'])
  expect((await joined(records, [one('external_id', 'person-ann')])).identifiers).toEqual([
    'ann@x.example',
    'person-ann',
  ])
})
