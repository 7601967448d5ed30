/**
 * Builds the WASM modules: the kernel from src/core/kernel/assembly, the decoder of Avro files from src/sources/files/assembly, and
 * the reader of the warehouse's rows from src/warehouse/duckdb/assembly. The artefacts are committed; src/core/kernel/artefact.test.ts checks that this build still gives exactly their bytes.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

export interface WasmModule {
  /** Where its artefact lies. */
  readonly file: string
  /** Names of sources are relative to this folder. They and not paths of this machine go into the result. */
  readonly folder: string
  readonly entry: string
}

const src = join(dirname(fileURLToPath(import.meta.url)), '../src')

export const WASM_MODULES: readonly WasmModule[] = [
  {
    file: join(src, 'core/kernel/kernel.wasm'),
    folder: join(src, 'core/kernel/assembly'),
    entry: 'kernel.ts',
  },
  { file: join(src, 'sources/files/avro.wasm'), folder: src, entry: 'sources/files/assembly/avro.ts' },
  { file: join(src, 'warehouse/duckdb/rows.wasm'), folder: src, entry: 'warehouse/duckdb/assembly/rows.ts' },
]

// 40 pages hold the fixed tables; memory grows from there to what was met.
const OPTIONS = [
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
export async function buildWasm({ file, folder, entry }: WasmModule): Promise<Uint8Array> {
  let built: Uint8Array | undefined
  const { error, stderr } = await asc.main([entry, '--outFile', basename(file), ...OPTIONS], {
    readFile: (name) => readSource(join(folder, name)),
    writeFile: (_name, contents) => {
      built = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents
    },
    listFiles: () => [],
  })
  if (error !== null || built === undefined) {
    throw new Error(`${entry} does not compile:\n${stderr.toString()}`, { cause: error })
  }
  return built
}

/** The compiler probes for files; null tells it that there is none. */
function readSource(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const module of WASM_MODULES) {
    const bytes = await buildWasm(module)
    writeFileSync(module.file, bytes)
    process.stdout.write(`${module.file}: ${bytes.length} bytes\n`)
  }
}
