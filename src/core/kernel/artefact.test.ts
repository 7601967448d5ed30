import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { buildKernel, KERNEL_FILE } from '../../../scripts/build-kernel.ts'

test('the committed kernel is what its source builds to', async () => {
  const built = Buffer.from(await buildKernel())
  expect(built.equals(readFileSync(KERNEL_FILE)), 'run `npm run build:kernel` and commit the result').toBe(
    true,
  )
}, 120_000)
