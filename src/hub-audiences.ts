/** What audiences need of the rest of the hub: a way out for each activation, queries, the log and the books. */

import { join } from 'node:path'
import type { Activation, ActivationDefinition } from './audiences/activation.ts'
import { Audiences, type Ways } from './audiences/audiences.ts'
import type { Run } from './audiences/run.ts'
import { ThalwegError } from './core/errors.ts'
import { CurrentDefinition } from './currents/current.ts'
import type { Hub } from './hub.ts'
import { OwnRecords } from './sources/own-records.ts'

type Parts = Omit<Hub, 'audiences' | 'backups' | 'erasures' | 'close' | 'url'>

/** Dead letters of one look. */
const PAGE = 500
/** Membership records of one frame. */
const RECORDS_MAX = 10_000
const RECORDS_BYTES_MAX = 4_194_304

export function audiencesOf(hub: Parts, stopping: AbortSignal): Audiences {
  const records = new OwnRecords({ ...hub, shapes: hub.drift.shapes })
  return new Audiences({
    store: hub.store,
    clock: hub.clock,
    logger: hub.logger,
    folder: join(hub.settings.dataDir, 'audiences'),
    ways: waysOf(hub),
    query: async (engine, { sql, timeoutMs }, signal) => {
      const running = await hub.queries.start({ engine, sql, timeoutMs, who: 'an activation' }, signal)
      return { ...running, cut: () => running.cut() !== undefined }
    },
    file: async (engine, { sql, timeoutMs }, signal) =>
      (await hub.queries.writesFiles(engine))
        ? hub.queries.exportFile({ engine, sql, timeoutMs, who: 'an activation' }, 'parquet', signal)
        : undefined,
    kindOf: async (engine) => (await hub.engines.get(engine)).kind,
    saved: (name) => hub.savedQueries.get(name),
    append: (source, body) => records.append(source, body, stopping),
    room: {
      recordsMax: Math.min(RECORDS_MAX, hub.settings.itemsMax),
      bytesMax: Math.min(RECORDS_BYTES_MAX, hub.settings.decompressedBytesMax),
    },
    head: () => hub.log.head,
    progress: async (current) => {
      const { position, current: of, pending } = await hub.delivery.status(current)
      const halted = of.state === 'running' ? undefined : `its current is ${of.state}: ${of.stateReason}`
      // With nothing pending the books reach the end of the log, wherever its last record of this source lies.
      return { position: pending === 0 ? hub.log.head : position, halted }
    },
    rejected: (current, from, to) => rejectedOf(hub, current, from, to),
    ended: (activation, run) => tellOf(hub, activation, run),
  })
}

/** Each activation has a source that only it feeds, and a current that only reads from there. */
function waysOf({ sources, currents, delivery }: Parts): Ways {
  const definitionOf = (definition: ActivationDefinition): CurrentDefinition =>
    CurrentDefinition.parse({
      name: wayName(definition),
      contactEmail: definition.contactEmail,
      sources: [wayName(definition)],
      externalId: 'optional',
      destination: definition.destination,
    })
  return {
    async open(definition) {
      const { source } = await sources.create({ name: wayName(definition), kind: 'audience', settings: {} })
      try {
        const draft = await delivery.create(definitionOf(definition))
        await delivery.launch(draft.number, 'now')
        return { source: source.number, current: draft.number }
      } catch (error) {
        await sources.remove(source.number, () => [])
        throw error
      }
    },
    async revise(activation, definition) {
      const renamed = definition.name !== activation.name
      if (renamed)
        throw new ThalwegError('ACTIVATION_INVALID', 'An activation keeps its name: make another one')
      await delivery.revise(activation.current, definitionOf(definition), 'by its activation')
    },
    async close({ source, current }) {
      if ((await currents.get(current)).state !== 'deleted') await delivery.remove(current)
      await sources.remove(source, () => [])
    },
  }
}

function wayName({ name }: ActivationDefinition): string {
  return `activation-${name}`
}

/** Whatever became of a letter since: only one that the vendor took after all is no refusal. */
async function rejectedOf({ delivery }: Parts, current: number, from: number, to: number) {
  const rejected: { id: string; message: string }[] = []
  let before: { createdAt: number; id: string } | undefined
  for (;;) {
    const letters = await delivery.letters.list({
      current,
      window: { from, to },
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    })
    for (const { eventId, message, state } of letters)
      if (state !== 'delivered') rejected.push({ id: eventId, message })
    const last = letters.at(-1)
    if (last === undefined || letters.length < PAGE) return rejected
    before = { createdAt: last.createdAt, id: last.id }
  }
}

/** One that went through is the end of the trouble that an earlier one told of. */
async function tellOf({ alerts }: Parts, activation: Activation, run: Run): Promise<void> {
  if (run.state === 'succeeded') return alerts.resolve(activation.current, ['activation'])
  const { name, contactEmail } = activation.definition
  const { hold, error, rejected } = run.report
  await alerts.raise({
    current: activation.current,
    about: { sort: 'activation', name },
    kind: 'activation',
    contact: contactEmail,
    subject: `Run ${run.run} of ${name} is ${run.state}`,
    detail: hold?.reason ?? error ?? `${rejected} changes were rejected`,
  })
}
