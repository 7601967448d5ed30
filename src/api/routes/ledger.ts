/** The proof that the books balance, for all currents or one. */

import * as z from 'zod'
import type { BookCheck } from '../../delivery/books.ts'
import type { Api } from '../app.ts'
import { currentNamed } from '../current-views.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Offset } from '../schemas.ts'
import { OutcomeTotal } from './current-state.ts'

const BookCheckView = z
  .object({
    current: z.string(),
    number: Count,
    balanced: z.boolean(),
    accepted: Count,
    delivered: Count,
    filtered: Count,
    dead: Count,
    pending: Count,
    residue: Count.describe('accepted − delivered − filtered − dead − pending, without cancelling.'),
    from: Offset.describe('Compared from this record on.'),
    checkpoint: Offset,
    head: Offset,
    reasons: z.array(OutcomeTotal),
    differences: z
      .array(z.object({ type: z.string(), log: Count, ledger: Count }))
      .describe('Event types that log and ledger count differently; the first 100.'),
    missing: z
      .array(z.object({ offset: Offset, id: z.string(), type: z.string() }))
      .describe('Records that no outcome covers; at most 100 are named.'),
  })
  .meta({ id: 'BookCheck' })

export type BookCheckAnswer = z.output<typeof BookCheckView>

const DIFFERENCES_MAX = 100

export function ledgerRoutes(app: Api, { currents, delivery }: ApiParts): void {
  app.get(
    '/ledger/check',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['Ledger'],
        operationId: 'checkLedger',
        summary:
          'Does accepted = delivered + filtered + dead + pending hold, for every current that was launched?',
        description:
          'Counts the log, so the first check after a start may take a while. A residue raises an alert.',
        querystring: z.object({ current: z.string().min(1).max(63).optional() }),
        response: {
          200: z.object({ balanced: z.boolean(), currents: z.array(BookCheckView) }),
          default: ErrorAnswer,
        },
      },
    },
    async (request) => {
      const { current: which } = request.query
      const asked = which === undefined ? await currents.list() : [await currentNamed(currents, which)]
      const checks: z.output<typeof BookCheckView>[] = []
      for (const { number, name } of asked) {
        const check = await delivery.checkBooks(number)
        if (check !== undefined) checks.push(viewOf(name, check))
      }
      return { balanced: checks.every((check) => check.balanced), currents: checks }
    },
  )
}

function viewOf(name: string, { current, reasons, differences, missing, ...check }: BookCheck) {
  return {
    ...check,
    current: name,
    number: current,
    reasons: [...reasons],
    differences: differences.slice(0, DIFFERENCES_MAX),
    missing: [...missing],
  }
}
