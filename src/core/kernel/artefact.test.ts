import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { buildWasm, WASM_MODULES } from '../../../scripts/build-kernel.ts'

test.each(WASM_MODULES)(
  'the committed artefact of $entry is what its source builds to',
  async (module) => {
    const built = Buffer.from(await buildWasm(module))
    expect(built.equals(readFileSync(module.file)), 'run `npm run build:kernel` and commit the result').toBe(
      true,
    )
  },
  120_000,
)
