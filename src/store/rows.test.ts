import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { DIALECTS, freshStoreUrl } from '../../test/support/store.ts'
import { systemClock } from '../core/clock.ts'
import { PROFILE_PLAN } from './migrate.ts'
import { textList } from './row-set.ts'
import { putRows, type Target } from './rows.ts'
import { openStore } from './store.ts'

const TARGET: Target = {
  table: 'profile_merges',
  columns: {
    at: 'whole',
    record_offset: 'whole',
    survivor: 'whole',
    loser: 'whole',
    identifiers: 'text',
    undone_at: 'whole',
  },
}
/** Each alone and all together: what separates and escapes somewhere. */
const ODD = ['', ' ', ',', '"', '\\', '{}', 'NULL', "it's", '["a\\"b"]', '\n', '😀']
const SEPARATED = ['\u001e', '\u001f', 'a\u001fb']

const LISTS = [...[...ODD, ...SEPARATED].map((text) => [text]), ODD, [...ODD, ...SEPARATED], ['', '']]

test.each(DIALECTS)('rows in %s are what was put', async (dialect) => {
  const store = await openStore(await freshStoreUrl(dialect), { clock: systemClock, plan: PROFILE_PLAN })
  onTestFinished(() => store.close())
  for (const texts of LISTS) {
    const rows = texts.map((text, i) => [i, 1 - i, i, 2 ** 53 - 1, text, i % 2 === 0 ? null : i])
    await store.transaction((tx) => putRows(tx, dialect, TARGET, rows))
    const found = await store.db.selectFrom('profile_merges').selectAll().orderBy('at').execute()
    expect(
      found.map((row) => [
        row.at,
        row.record_offset,
        row.survivor,
        row.loser,
        row.identifiers,
        row.undone_at,
      ]),
    ).toEqual(rows)
    const { rows: listed } = await sql<{ place: number; value: string }>`
      select place, value from ${textList(dialect, texts)} as every order by place`.execute(store.db)
    expect(listed.map(({ place, value }) => [place, value])).toEqual(texts.map((text, i) => [i, text]))
    await store.db.deleteFrom('profile_merges').execute()
  }
})
