/**
 * Builds the WASM kernel from src/core/kernel/assembly. The artefact is committed; src/core/kernel/artefact.test.ts checks that this
 * build still gives exactly its bytes.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const kernelDirectory = join(dirname(fileURLToPath(import.meta.url)), '../src/core/kernel')
export const KERNEL_FILE = join(kernelDirectory, 'kernel.wasm')

const ENTRY = 'kernel.ts'
// 40 pages hold the fixed tables; memory grows from there to what was met.
const OPTIONS = [
  ENTRY,
  '--outFile',
  'kernel.wasm',
  '--optimizeLevel',
  '3',
  '--converge',
  '--noAssert',
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--initialMemory',
  '40',
]

/** The module's bytes; throws with the compiler's diagnostics when it does not compile. */
export async function buildKernel(): Promise<Uint8Array> {
  let built: Uint8Array | undefined
  const { error, stderr } = await asc.main(OPTIONS, {
    // Names are fixed and not paths of this machine, so that they cannot leak into the result.
    readFile: (name) => readSource(name),
    writeFile: (_name, contents) => {
      built = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents
    },
    listFiles: () => [],
  })
  if (error !== null || built === undefined) {
    throw new Error(`The kernel does not compile:\n${stderr.toString()}`, { cause: error })
  }
  return built
}

/** The compiler probes for files; null tells it that there is none. */
function readSource(name: string): string | null {
  try {
    return readFileSync(join(kernelDirectory, 'assembly', name), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await buildKernel()
  writeFileSync(KERNEL_FILE, bytes)
  process.stdout.write(`${KERNEL_FILE}: ${bytes.length} bytes\n`)
}
