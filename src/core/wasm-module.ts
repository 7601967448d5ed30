/** Modules of ours that `npm run build:kernel` compiles, each kept compiled once it was read. */

import { readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ThalwegError } from './errors.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const compiled = new Map<string, WebAssembly.Module>()

/** The exports of a new instance with a memory of its own. Throws KERNEL_MISSING when the file cannot be read or the host cannot run it. */
export function instantiated<Exports>(
  file: URL,
  imports: ConstructorParameters<typeof WebAssembly.Instance>[1] = {},
): Exports {
  try {
    const module = compiled.get(file.href) ?? new WebAssembly.Module(readFileSync(file))
    compiled.set(file.href, module)
    return new WebAssembly.Instance(module, imports).exports as unknown as Exports
  } catch (cause) {
    const path = relative(ROOT, fileURLToPath(file)).split(sep).join('/')
    throw new ThalwegError(
      'KERNEL_MISSING',
      `The WASM module ${path} could not be loaded; build it with \`npm run build:kernel\``,
      { cause },
    )
  }
}
