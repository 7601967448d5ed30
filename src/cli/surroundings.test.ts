import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { readStdin, STDIN_BYTES_MAX, type Surroundings } from './surroundings.ts'

test('a reader that goes away ends a watching command without an error', async () => {
  const module = new URL('./surroundings.ts', import.meta.url).href
  const script = `
    const { processSurroundings } = await import(${JSON.stringify(module)})
    const io = processSurroundings()
    do io.stdout.write('a line\\n'.repeat(10_000)); while (await io.pause(5))
    process.exitCode = 5`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let err = ''
  child.stderr.on('data', (piece: Buffer) => {
    err += piece.toString()
  })
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise((resolve) => child.once('exit', resolve))
  expect(err).toBe('')
  expect(code).toBe(5)
})

test('standard input is bounded', async () => {
  const piece = 'a'.repeat(STDIN_BYTES_MAX / 4)
  const io = (count: number) =>
    ({ stdin: Readable.from(Array.from({ length: count }, () => piece)) }) as unknown as Surroundings
  expect(await readStdin(io(4))).toHaveLength(STDIN_BYTES_MAX)
  await expect(readStdin(io(5))).rejects.toThrow(RangeError)
})
