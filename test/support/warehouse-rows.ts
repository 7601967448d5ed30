/** What the embedded warehouse of a hub holds. */

import type { Hub } from '../../src/hub.ts'

/** All rows of a query to the embedded warehouse. */
export async function warehouseRows(
  { warehouse }: Hub,
  sql: string,
): Promise<readonly (readonly unknown[])[]> {
  const stream = await warehouse.engine.query({ sql, timeoutMs: 20_000 }, new AbortController().signal)
  const rows: (readonly unknown[])[] = []
  for await (const page of stream.pages) rows.push(...page)
  return rows
}
