import { expect, test } from 'vitest'
import { freshStore } from '../../test/support/store.ts'
import { Traces } from '../core/traces.ts'
import { forgetInRules } from './forgetting.ts'

test('an identifier in a rule is blotted out in every version', async () => {
  const store = await freshStore()
  const traces = new Traces([{ kind: 'email', label: '', value: 'jane@x.example' }])
  const about = { audience: 1, slug: 's', name: 'n', description: '', author: 'test', created_at: 1 }
  await store.db
    .insertInto('rule_audience_versions')
    .values([
      { ...about, version: 1, filter: 'FILTER email = "Jane@x.example"', note: '' },
      { ...about, version: 2, filter: 'FILTER age > 3', note: 'not for jane@x.example' },
      { ...about, version: 3, filter: 'FILTER email = "other@x.example"', note: '' },
    ])
    .execute()
  const place = 'rules of audiences'
  expect(await forgetInRules(store, traces, true)).toEqual([{ place, rows: 2 }])
  expect(await forgetInRules(store, traces, false)).toEqual([{ place, rows: 2 }])
  const rows = await store.db
    .selectFrom('rule_audience_versions')
    .select(['filter', 'note'])
    .orderBy('version')
    .execute()
  expect(rows).toEqual([
    { filter: 'FILTER email = "**************"', note: '' },
    { filter: 'FILTER age > 3', note: 'not for **************' },
    { filter: 'FILTER email = "other@x.example"', note: '' },
  ])
})
