/** Documents without what goes without saying: what an export writes. */

import { type Body, KINDS, type KindWord } from './kinds.ts'
import { lean } from './shape.ts'

/** As a file says it. */
export function leanBody(kind: KindWord, body: Body): Body {
  const { schema, variant } = KINDS[kind]
  const whole = lean(schema, body) as Record<string, unknown>
  if (kind === 'audience' && whole.name === whole.slug) delete whole.name
  if (variant === undefined) return whole
  const { at, by, member, choices } = variant
  const [step] = at
  const holder = (step === undefined ? whole : whole[step]) as Record<string, unknown>
  const chosen = choices.get(String(holder[by]))
  if (chosen === undefined || holder[member] === undefined) return whole
  const settings = lean(chosen, holder[member]) as object
  const isUnsaid = Object.keys(settings).length === 0 && kind !== 'authorization' && !isNeeded(kind)
  const said = Object.fromEntries(
    Object.entries(holder).flatMap(([name, value]) =>
      name !== member ? [[name, value]] : isUnsaid ? [] : [[name, settings]],
    ),
  )
  return step === undefined ? said : { ...whole, [step]: said }
}

/** Whether the definition has no default for the settings. */
function isNeeded(kind: KindWord): boolean {
  return kind === 'activation' || kind === 'export' || kind === 'engine'
}
