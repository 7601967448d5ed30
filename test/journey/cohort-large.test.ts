/** A large cohort: after 1 % of the people changed only they are sent. A million is for `npm run bench cohorts`. */

import { expect, test } from 'vitest'
import { ActivationDefinition } from '../../src/audiences/activation.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { startStack } from '../support/stack.ts'

const PEOPLE = 200_000
const CHURN = PEOPLE / 100

/** One in ten is unknown to Braze. */
const isKnown = (n: number): boolean => n % 10 !== 8

const resultSql = (who: string): string =>
  `select 'u' || (${who}) as user_ids from range(${PEOPLE}) order by hash(range)`

test('two runs over 200,000 people: the second sends the 1 % that changed, and the cohort is the result', async () => {
  const { hub, sandbox } = await startStack()
  const { vendor, tally } = sandbox.braze
  const { profiles, cohorts } = vendor
  for (let n = 0; n < PEOPLE + CHURN; n++)
    if (isKnown(n)) profiles.load({ brazeId: n.toString(16).padStart(24, '0'), externalId: `u${n}` }, 0)
  const { id } = await hub.authorizations.create({
    label: 'braze',
    description: '',
    provider: 'braze-cohort',
    credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
  })
  const definition = ActivationDefinition.parse({
    name: 'large',
    contactEmail: 'contact@example.com',
    query: { sql: resultSql('range') },
    operation: 'mirror',
    destination: {
      kind: 'braze-cohort',
      settings: { instance: 'custom', host: sandbox.addresses.braze, cohortId: 'c1', threads: 8 },
      authorization: id,
    },
  })
  await hub.audiences.create(definition)
  const ran = async () => {
    const { run } = await hub.audiences.startRun('large', { trigger: 'manual', by: 'test', dry: false })
    return eventually(
      'the run has ended',
      async () => {
        const now = await hub.audiences.run('large', run)
        return now.finishedAt === null ? undefined : now
      },
      { withinMs: 120_000 },
    )
  }
  /** Those of the result whom Braze knows. */
  const known = (who: (n: number) => number): Set<string> =>
    new Set(
      Array.from({ length: PEOPLE }, (_, n) => who(n))
        .filter(isKnown)
        .map((n) => `u${n}`),
    )
  const members = () =>
    new Set([...(cohorts.get(DEMO.brazePartner, 'c1')?.members ?? [])].map(({ externalId }) => externalId))

  const first = await ran()
  expect(first.state).toBe('succeeded')
  expect(first.report).toMatchObject({ rows: PEOPLE, distinct: PEOPLE, added: PEOPLE, accepted: PEOPLE })
  expect(members()).toEqual(known((n) => n))
  const sent = () => cohorts.tally.matched + cohorts.tally.ignored
  expect(sent()).toBe(PEOPLE)

  const changed = (n: number): number => (n % 100 === 0 ? PEOPLE + n / 100 : n)
  const sql = resultSql(`if(range % 100 = 0, ${PEOPLE} + range // 100, range)`)
  await hub.audiences.revise('large', { ...definition, query: { engine: 'warehouse', sql } }, '')
  const second = await ran()
  expect(second.state).toBe('succeeded')
  expect(second.report).toMatchObject({
    unchanged: PEOPLE - CHURN,
    added: CHURN,
    removed: CHURN,
    accepted: 2 * CHURN,
    membersAfter: PEOPLE,
  })
  expect(members()).toEqual(known(changed))
  expect(sent() - PEOPLE).toBe(2 * CHURN)
  // Within what Braze allows.
  expect([cohorts.tally.identifiersMax, tally.answers]).toEqual([1000, { 201: tally.requests }])
}, 180_000)
