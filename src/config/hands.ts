/** What is done to an object, by the API: made, changed, removed. One row per kind. */

import { path } from '../core/api-path.ts'
import type { Desk } from './desk.ts'
import type { Live } from './inventory.ts'
import type { Body, KindWord } from './kinds.ts'

/** One change of one object. */
export interface Work {
  readonly desk: Desk
  /** As the API takes it. */
  readonly sent: Body
  /** As the file says it. */
  readonly wanted: Body
  /** The values that the references of this object stand for; those that are to be given to the hub. */
  readonly secrets: Readonly<Record<string, string>>
  /** Goes into the history of the object. */
  readonly note: string
  /** Whether the definition itself differs, not only what stands beside it. */
  readonly isRevised: boolean
}

export interface Hand {
  /** Gives what the object is known by. */
  create(work: Work): Promise<string>
  change(live: Live, work: Work): Promise<void>
  remove(live: Live, desk: Desk): Promise<void>
}

interface Made {
  readonly id?: string
  readonly number?: number
  readonly name?: string
}

export const HANDS: Readonly<Record<Exclude<KindWord, 'profile' | 'stream'>, Hand>> = {
  authorization: {
    create: async ({ desk, sent, secrets }) =>
      idOf(await desk.send<Made>('POST', '/authorizations', { ...sent, credentials: secrets })),
    change: async ({ id, body }, { desk, sent, secrets }) => {
      const { label, description } = sent
      if (label !== body.label || description !== body.description)
        await desk.send('PATCH', path`/authorizations/${id}`, { label, description })
      if (Object.keys(secrets).length > 0)
        await desk.send('POST', path`/authorizations/${id}/rotate`, { credentials: secrets })
    },
    remove: ({ id }, desk) => desk.send('DELETE', path`/authorizations/${id}`),
  },
  engine: {
    create: async ({ desk, sent }) => idOf(await desk.send<Made>('POST', '/engines', sent)),
    change: async ({ id }, { desk, sent: { authorization, settings, description } }) =>
      desk.send('PATCH', path`/engines/${id}`, { authorization, settings, description }),
    remove: ({ id }, desk) => desk.send('DELETE', path`/engines/${id}`),
  },
  source: {
    create: async ({ desk, sent: { name, kind, settings }, secrets }) => {
      await desk.send('POST', '/sources', { name, kind, settings, ...secrets })
      return String(name)
    },
    change: async ({ id }, { desk, sent: { settings }, secrets, note, isRevised }) => {
      if (isRevised) await desk.send('PUT', path`/sources/${id}`, { settings })
      if (secrets.token !== undefined)
        await desk.send('POST', path`/sources/${id}/tokens`, { label: note.slice(0, 200), ...secrets })
    },
    remove: ({ id }, desk) => desk.send('DELETE', path`/sources/${id}`),
  },
  audience: {
    create: async ({ desk, sent, note }) =>
      idOf(await desk.send<Made>('POST', `/audiences?${noted(note)}`, sent)),
    change: async ({ id }, { desk, sent, note }) =>
      desk.send('PUT', path`/audiences/${id}`, { definition: sent, note }),
    remove: ({ id }, desk) => desk.send('DELETE', path`/audiences/${id}`),
  },
  query: {
    create: async ({ desk, sent, note }) => {
      await desk.send('POST', `/queries?${noted(note)}`, sent)
      return String(sent.name)
    },
    change: async ({ id }, { desk, sent: { engine, sql, description }, note }) =>
      desk.send('PATCH', path`/queries/${id}`, { engine, sql, description, note }),
    remove: ({ id }, desk) => desk.send('DELETE', path`/queries/${id}`),
  },
  segment: {
    create: async ({ desk, sent, note }) => {
      await desk.send('POST', `/segments?${noted(note)}`, sent)
      return String(sent.name)
    },
    change: async ({ id }, { desk, sent, note }) =>
      desk.send('PUT', path`/segments/${id}`, { definition: sent, note }),
    remove: ({ id }, desk) => desk.send('DELETE', path`/segments/${id}`),
  },
  current: {
    create: async ({ desk, sent, wanted, note }) => {
      const { number } = await desk.send<Required<Made>>('POST', `/currents?${noted(note)}`, sent)
      await moved(desk, path`/currents/${String(sent.name)}`, 'draft', wanted.state, 'launch')
      return String(number)
    },
    change: async ({ name, body }, { desk, sent, wanted, note, isRevised }) => {
      // By name, because a name may be digits, and is asked for first.
      if (isRevised) await desk.send('PUT', path`/currents/${name}`, { definition: sent, note })
      await moved(desk, path`/currents/${String(sent.name)}`, body.state, wanted.state, 'launch')
    },
    remove: ({ name }, desk) => desk.send('DELETE', path`/currents/${name}`),
  },
  activation: numbered('/activations', 'active', 'launch'),
  export: numbered('/exports', 'draft', 'start'),
  channel: {
    create: async ({ desk, sent }) => idOf(await desk.send<Made>('POST', '/alert-channels', sent)),
    change: async ({ id }, { desk, sent }) => desk.send('PATCH', path`/alert-channels/${id}`, sent),
    remove: ({ id }, desk) => desk.send('DELETE', path`/alert-channels/${id}`),
  },
}

/**
 * From the state it is in to the one that is wanted, by the API's actions; undefined: as it is.
 *
 *            draft    running / active    paused
 *   draft    –        first               first, pause
 *   running  refused  –                   pause
 *   paused   refused  resume              –
 */
async function moved(
  desk: Desk,
  where: string,
  before: unknown,
  wanted: unknown,
  first: 'launch' | 'start',
): Promise<void> {
  if (wanted === undefined || wanted === before) return
  if (before === 'draft') await desk.send('POST', `${where}/${first}`)
  if (wanted === 'paused') await desk.send('POST', `${where}/pause`)
  else if (before === 'paused') await desk.send('POST', `${where}/resume`)
}

/** Of objects with a number, versions and a state; `born`: in which one they are made. */
function numbered(root: string, born: string, first: 'launch' | 'start'): Hand {
  const at = (id: string | number): string => `${root}${path`/${id}`}`
  return {
    create: async ({ desk, sent, wanted, note }) => {
      const { number } = await desk.send<Required<Made>>('POST', `${root}?${noted(note)}`, sent)
      await moved(desk, at(number), born, wanted.state, first)
      return String(number)
    },
    change: async ({ id, body }, { desk, sent, wanted, note, isRevised }) => {
      if (isRevised) await desk.send('PUT', at(id), { definition: sent, note })
      await moved(desk, at(id), body.state, wanted.state, first)
    },
    remove: ({ id }, desk) => desk.send('DELETE', at(id)),
  }
}

function idOf({ id, number, name }: Made): string {
  return String(id ?? number ?? name)
}

function noted(note: string): string {
  return new URLSearchParams({ note }).toString()
}
