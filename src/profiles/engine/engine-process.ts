/** The process of the profiles; talks to client.ts over the IPC channel and ends with its parent. */

import { constants, setPriority } from 'node:os'
import { systemClock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { soleLease } from '../../store/leases.ts'
import { PROFILE_PLAN } from '../../store/migrate.ts'
import { openStore } from '../../store/store.ts'
import { AudienceDesk } from '../audiences/desk.ts'
import { AudienceSizes } from '../audiences/sizes.ts'
import { Doctrine } from '../doctrine.ts'
import { StoredExportBook } from '../exports/stored-book.ts'
import { Rereading } from './again.ts'
import { PeopleDesk } from './desk.ts'
import { ProfileEngine } from './engine.ts'
import { EvidenceGatherer } from './evidence.ts'
import { PeopleForgetting } from './forgetting.ts'
import { OperatorDesk } from './hand.ts'
import { type Answer, type Ask, type Question, unpacked } from './protocol.ts'

interface Opened {
  readonly engine: ProfileEngine
  readonly again: Rereading
  readonly evidence: EvidenceGatherer
  readonly desks: readonly object[]
  readonly book: StoredExportBook
}

async function open({ settings, configuration, start }: Extract<Ask, { what: 'open' }>): Promise<Opened> {
  // The doors of the hub come first.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  const { store: url, cacheBytes, lease } = settings
  const opened = await openStore(url, {
    clock: systemClock,
    plan: PROFILE_PLAN,
    cacheBytes,
    checkpointsAside: true,
  })
  // When to stop is for the hub to say, which ends this process.
  const store = opened.fencedBy({ ...soleLease(lease.name), token: lease.token })
  const book = new StoredExportBook(store)
  const keeping = url.startsWith('sqlite:') ? { file: url.slice('sqlite:'.length) } : undefined
  const engine = await ProfileEngine.open(store, new Doctrine(configuration, [book]), start, keeping)
  const again = new Rereading(store, engine)
  const sizes = new AudienceSizes(store)
  const forgetting = new PeopleForgetting(store, engine, () => sizes.recount())
  const evidence = new EvidenceGatherer(engine)
  const desks = [
    new PeopleDesk(store, engine),
    new OperatorDesk(store, engine),
    again,
    evidence,
    forgetting,
    new AudienceDesk(store, engine.people, sizes),
  ]
  return { engine, again, evidence, desks, book }
}

let opened: Promise<Opened> | undefined

async function answer(ask: Ask): Promise<unknown> {
  if (ask.what === 'open') {
    opened ??= open(ask)
    return (await opened).engine.progress()
  }
  if (opened === undefined) throw new Error('The process was asked before it was opened')
  const { engine, again, evidence, desks, book } = await opened
  switch (ask.what) {
    case 'adopt':
      return engine.adopt(new Doctrine(ask.configuration, [book]))
    case 'apply':
      return engine.apply(unpacked(ask.stretch), ask.nowMs)
    case 'tick':
      return engine.tick(ask.nowMs)
    case 'judge-more':
      return engine.judgeMore(ask.nowMs)
    case 'evidence':
      return evidence.take(unpacked(ask.stretch))
    case 'clear-more':
      await again.clearMore(ask.again, ask.nowMs)
      return engine.progress()
    case 'take-again':
      await again.take(ask.again, unpacked(ask.stretch), ask.nowMs)
      return engine.progress()
    case 'desk': {
      const desk = desks.find((one) => ask.method in one) as Record<string, (...given: unknown[]) => unknown>
      return desk?.[ask.method]?.(...ask.given)
    }
    case 'book': {
      const asked = book[ask.method] as (...given: unknown[]) => Promise<unknown>
      return asked.apply(book, ask.given)
    }
  }
}

/** A hub that is gone hears no answer; its going ends this process, too. */
function say(answer: Answer): void {
  process.send?.(answer, undefined, undefined, () => undefined)
}

process.on('message', ({ id, ...ask }: Question) => {
  answer(ask as Ask).then(
    (result) => say({ id, result }),
    (error: unknown) => {
      const code = error instanceof ThalwegError ? error.code : undefined
      const message = error instanceof Error ? error.message : String(error)
      say({ id, error: { code, message } })
    },
  )
})
process.on('disconnect', () => process.exit(0))
