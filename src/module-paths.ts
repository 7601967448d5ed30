/**
 * Relative imports are found without a search. Node.js asks the disk about each (is it there, is it a link, what does the next package.json
 * say), which is a fifth of the CPU of a start. Of our own files and of two packages that are made of hundreds, the answers are known.
 * Active from its import on.
 */

import { registerHooks } from 'node:module'

const OURS = new URL('.', import.meta.url).href
/** Packages whose relative imports are all of files that are modules, by their names, with ending. */
const OF_MANY_FILES = /\/node_modules\/(?:kysely|zod)\//

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL } = context
    if (!specifier.startsWith('.') || parentURL === undefined) return next(specifier, context)
    if (parentURL.startsWith(OURS) && specifier.endsWith('.ts'))
      return { url: new URL(specifier, parentURL).href, format: 'module-typescript', shortCircuit: true }
    if (specifier.endsWith('.js') && OF_MANY_FILES.test(parentURL))
      return { url: new URL(specifier, parentURL).href, format: 'module', shortCircuit: true }
    return next(specifier, context)
  },
})
