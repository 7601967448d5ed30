/** Lists of people as files: page by page from the roster, however many they are. */

import type { ServerResponse } from 'node:http'
import * as z from 'zod'
import { identifierOf } from '../audiences/roster/person.ts'
import type { Cell } from '../warehouse/warehouse.ts'
import { answerResult } from './results.ts'

export const FileFormat = z.enum(['csv', 'ndjson']).default('csv').describe('Of the file.')

export const FILE_ANSWER = {
  200: {
    description: 'The file',
    content: { 'application/x-ndjson': { schema: z.string() }, 'text/csv': { schema: z.string() } },
  },
}

const WHO = ['kind', 'label', 'value']

/** Takes over the answer. `next` gives the page after somebody; an empty one is the end. */
export async function answerPeople<T>(
  response: ServerResponse,
  file: { readonly name: string; readonly format: z.output<typeof FileFormat> },
  next: (last: T | undefined) => Promise<readonly T[]>,
  columns: readonly { readonly name: string; of(one: T): Cell }[],
  personOf: (one: T) => string,
): Promise<void> {
  const pages = async function* (): AsyncGenerator<readonly (readonly Cell[])[]> {
    for (let page = await next(undefined); page.length > 0; page = await next(page.at(-1))) {
      yield page.map((one) => {
        const { kind, label, value } = identifierOf(personOf(one))
        return [kind, label, value, ...columns.map(({ of }) => of(one))]
      })
      if (response.destroyed) return
    }
  }
  const named = [...WHO, ...columns.map(({ name }) => name)].map((name) => ({ name, type: 'text' }))
  await answerResult(
    response,
    { columns: named, pages: pages(), cut: () => undefined, elapsedMs: () => 0 },
    file.format,
    { 'content-disposition': `attachment; filename="${file.name}.${file.format}"` },
  )
}
