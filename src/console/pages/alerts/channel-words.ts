import type { ChannelAnswer } from '../../../api/routes/alert-channels.ts'
import type { Standing } from './alert-words.ts'

export type Definition = ChannelAnswer['definition']

export function healthOf({ definition, messages, toldAt, triedAt }: ChannelAnswer): Standing {
  if (!definition.enabled) return { state: 'off', mood: 'calm' }
  if (triedAt === null) return { state: 'not tried yet', mood: 'calm' }
  if (toldAt === triedAt) return { state: 'works', mood: 'good' }
  return messages.givenUp > 0 ? { state: 'gives up', mood: 'bad' } : { state: 'is refused', mood: 'bad' }
}

export function placeOf(definition: Definition): string {
  if (definition.kind === 'mail') return `${definition.settings.host}:${definition.settings.port}`
  return definition.settings.url ?? 'the address in its authorization'
}
