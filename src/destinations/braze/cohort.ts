/**
 * Braze cohorts by the partner API: who enters and who leaves a cohort, by difference. People are matched by external
 * id, alias or, while anonymous, device id; nobody is created, and an id that Braze does not know is no error. Keys
 * travel in the body.
 *
 * | answer        | here                                                                                   |
 * |---------------|----------------------------------------------------------------------------------------|
 * | 2xx           | accepted (whether Braze knows the people it does not say)                              |
 * | 400           | the batch is split down to the identifiers that are refused; about the cohort: halted  |
 * | 401, 403, 404 | the connection halts until keys or address are mended                                  |
 * | 423, 429      | later: another change of the cohort is under way, or the rate is reached               |
 * | 5xx           | later                                                                                  |
 */

import * as z from 'zod'
import type { Limits } from '../../core/batch.ts'
import {
  answerText,
  type Exchange,
  faultFrom,
  type WireReply,
  type WireRequest,
} from '../../core/exchange.ts'
import type { Fault } from '../../core/fault.ts'
import { DELIVERED, failed, type Receipt } from '../../core/receipt.ts'
import { Secret, spellings } from '../credential.ts'
import type { Destination, EventWriter, Target } from '../destination.ts'
import { type Decisions, decisionsOf, type Placed } from './decisions.ts'
import { checkEndpoint, faultOf, host, instance, restUrl } from './endpoint.ts'

/** All kinds and entries of a request together (Braze, partner cohort import). */
export const COHORT_IDENTIFIERS_MAX = 1000

/** Partners must say who they are, in Pascal case (Braze, partner API). */
const AGENT = 'partner-Thalweg-Hub/1.0'

export const CohortSettings = z
  .strictObject({
    instance,
    host,
    partner: z
      .string()
      .regex(/^[a-z0-9_-]{1,64}$/, "A partner's name is 1 to 64 characters of a-z, 0-9, _ and -")
      .default('treasure_data')
      .describe(
        'Name of the partner in the addresses /partners/<name>/cohorts. That of Treasure Data is not published; ask Braze.',
      ),
    cohortId: z
      .string()
      .min(1)
      .max(255)
      .describe('Cohort ID: the identifier of the cohort that is sent to Braze; never changes.'),
    threads: z.int().min(1).max(32).default(5).describe('Thread Count: requests under way at once.'),
  })
  .superRefine(checkEndpoint)
export type CohortSettings = z.infer<typeof CohortSettings>

export const CohortCredentials = z.strictObject({
  importKey: Secret.describe(
    'Data import key of the workspace: Braze, Partner Integrations, Technology Partners, Treasure Data.',
  ),
  partnerKey: Secret.describe(
    'Key that Braze gave to the partner; one for the US clusters, another for the EU.',
  ),
})
export type CohortCredentials = z.infer<typeof CohortCredentials>

export const brazeCohort: Destination<CohortSettings, CohortCredentials> = {
  name: 'braze-cohort',
  title: 'Braze cohort',
  description:
    'Members of a Braze cohort, by the partner cohort API: costs no data points, needs a partner key beside the data import key.',
  settings: CohortSettings,
  credentials: CohortCredentials,
  /** A change of nothing, as Braze's other partners test their keys: it needs no cohort and leaves no trace. */
  *check(target) {
    const fault = faultOf(yield* asked(membersDraft(target), { cohort_changes: [] }, target))
    return fault === undefined ? DELIVERED : failed(fault)
  },
  memberships: {
    limits: ({ threads }): Limits => ({
      recordsMax: COHORT_IDENTIFIERS_MAX,
      bytesMax: 1_000_000,
      waitMs: 200,
      inFlightMax: threads,
    }),
    writer: (target) => new CohortWriter(target),
  },
}

class CohortWriter implements EventWriter {
  readonly #target: Target<CohortSettings, CohortCredentials>

  constructor(target: Target<CohortSettings, CohortCredentials>) {
    this.#target = target
  }

  *write(batch: Parameters<EventWriter['write']>[0]): Exchange<readonly Receipt[]> {
    const found = decisionsOf(batch)
    // Before its members: a cohort that has no name yet takes none.
    const named = yield* this.#name(found, batch.receivedAt[0] ?? 0)
    if (named.outcome === 'failed') return found.receipts(() => named)
    if (found.decisions.length === 0) return found.receipts(() => DELIVERED)
    const changes = { cohort_changes: changesOf(found.decisions) }
    const fault = cohortFault(yield* asked(membersDraft(this.#target), changes, this.#target))
    const told = fault === undefined ? DELIVERED : failed(fault)
    return found.receipts(() => told)
  }

  preview(batch: Parameters<EventWriter['write']>[0], i: number): unknown {
    const { decisions, name } = decisionsOf(batch)
    const decision = decisions.find(({ place }) => place === i)
    return decision === undefined ? (name === undefined ? undefined : { name }) : changesOf([decision])[0]
  }

  *#name({ name }: Decisions, atMs: number): Exchange<Receipt> {
    if (name === undefined) return DELIVERED
    const body = { name, created_at: new Date(atMs).toISOString() }
    const fault = cohortFault(yield* asked(nameDraft(this.#target), body, this.#target))
    return fault === undefined ? DELIVERED : failed(fault)
  }
}

/** What refuses the cohort as such needs a person; refused identifiers are found by halving. */
function cohortFault(reply: WireReply): Fault | undefined {
  if (reply.status === 400 && /cohort_id|created_at|\bname\b/.test(answerText(reply)))
    return faultFrom('misconfigured', 'Braze refuses the cohort, not its members', reply)
  return faultOf(reply)
}

function changesOf(decisions: readonly Placed[]): object[] {
  const [entering, leaving] = [idsOf(decisions, true), idsOf(decisions, false)]
  return [
    ...(entering === undefined ? [] : [entering]),
    ...(leaving === undefined ? [] : [{ ...leaving, should_remove: true }]),
  ]
}

/** undefined: nobody. */
function idsOf(decisions: readonly Placed[], entering: boolean): object | undefined {
  const userIds: string[] = []
  const deviceIds: string[] = []
  const aliases: object[] = []
  for (const { who, enters } of decisions) {
    if (enters !== entering) continue
    if (who.kind === 'external_id') userIds.push(who.value)
    else if (who.kind === 'device_id') deviceIds.push(who.value)
    else aliases.push({ alias_name: who.value, alias_label: who.label })
  }
  if (userIds.length + deviceIds.length + aliases.length === 0) return undefined
  return {
    ...(userIds.length === 0 ? {} : { user_ids: userIds }),
    ...(deviceIds.length === 0 ? {} : { device_ids: deviceIds }),
    ...(aliases.length === 0 ? {} : { aliases }),
  }
}

type Draft = Omit<WireRequest, 'body'>

function nameDraft({ settings, credentials }: Target<CohortSettings, CohortCredentials>): Draft {
  const { importKey, partnerKey } = credentials
  return {
    method: 'POST',
    url: restUrl(settings, `/partners/${settings.partner}/cohorts`),
    headers: { 'content-type': 'application/json', 'user-agent': AGENT },
    secrets: spellings(importKey, partnerKey, inJson(importKey), inJson(partnerKey)),
  }
}

function membersDraft(target: Target<CohortSettings, CohortCredentials>): Draft {
  const draft = nameDraft(target)
  return { ...draft, url: `${draft.url}/users` }
}

function* asked(
  draft: Draft,
  body: object,
  { settings, credentials }: Target<CohortSettings, CohortCredentials>,
): Exchange<WireReply> {
  const whole = {
    partner_api_key: credentials.partnerKey,
    client_secret: credentials.importKey,
    cohort_id: settings.cohortId,
    ...body,
  }
  return yield { ...draft, body: Buffer.from(JSON.stringify(whole)) }
}

/** A key with a quote or a backslash is spelt otherwise inside a JSON text. */
function inJson(secret: string): string {
  return JSON.stringify(secret).slice(1, -1)
}
