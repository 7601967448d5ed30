import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** An installation whose program only tells how it was started. */
async function installed(): Promise<string> {
  const root = await tempFolder()
  cpSync(join(ROOT, 'bin'), join(root, 'bin'), { recursive: true })
  cpSync(join(ROOT, 'scripts/link-cli.mjs'), join(root, 'scripts/link-cli.mjs'))
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  mkdirSync(join(root, 'src'))
  writeFileSync(
    join(root, 'src/main.ts'),
    `const told: string[] = process.argv.slice(2)
     if (told[0] === 'wait') {
       process.once('SIGTERM', () => process.exit(7))
       setInterval(() => undefined, 1000)
     } else process.exitCode = told.length
     console.log(JSON.stringify({ args: told, pid: process.pid, flags: process.execArgv, arenas: process.env.MALLOC_ARENA_MAX }))`,
  )
  // Says of itself that it is old, as far as the launcher can see; the program it starts is the real one.
  writeFileSync(
    join(root, 'old.cjs'),
    `if (!process.argv[1].endsWith('main.ts'))
       Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '12.22.0' } })`,
  )
  return root
}

function withNode(root: string): void {
  mkdirSync(join(root, 'node_modules/node/bin'), { recursive: true })
  symlinkSync(process.execPath, join(root, 'node_modules/node/bin/node'))
}

test('a Node.js that is new enough runs the program itself', async () => {
  const root = await installed()
  const ran = spawnSync(process.execPath, [join(root, 'bin/thalweg'), 'a', '--b'], { encoding: 'utf8' })
  expect(ran.stderr).toBe('')
  expect(JSON.parse(ran.stdout)).toMatchObject({ args: ['a', '--b'], pid: ran.pid, flags: [] })
  expect(ran.status).toBe(2)
})

test('by its first line it is started with what keeps its memory small', async () => {
  const root = await installed()
  const ran = spawnSync(join(root, 'bin/thalweg'), ['x'], { encoding: 'utf8' })
  expect(JSON.parse(ran.stdout)).toMatchObject({
    flags: ['--max-semi-space-size=8', '--heap-growing-percent=80'],
    arenas: '2',
  })
})

test('an old one hands over to the one beside it, with arguments, flags, exit code and signals', async () => {
  const root = await installed()
  withNode(root)
  const flags = ['--max-semi-space-size=8', '--heap-growing-percent=80']
  const args = [...flags, '-r', join(root, 'old.cjs'), join(root, 'bin/thalweg')]
  const ran = spawnSync(process.execPath, [...args, 'a', 'b', 'c'], { encoding: 'utf8' })
  const told = JSON.parse(ran.stdout)
  expect(told.args).toEqual(['a', 'b', 'c'])
  expect(told.pid).not.toBe(ran.pid)
  expect(told.flags).toEqual(flags)
  expect(ran.status).toBe(3)

  const waiting = spawn(process.execPath, [...args, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => waiting.stdout?.once('data', resolve))
  waiting.kill('SIGTERM')
  expect(await codeOf(waiting)).toBe(7)
})

test('an old one without a newer one beside it says what to do', async () => {
  const root = await installed()
  const ran = spawnSync(process.execPath, ['-r', join(root, 'old.cjs'), join(root, 'bin/thalweg')], {
    encoding: 'utf8',
  })
  expect(ran.status).toBe(1)
  expect(ran.stderr).toContain('needs Node.js 24')
  expect(ran.stderr).toContain('npm ci')
})

test('the link is made, again and again, and leads to the program', async () => {
  const root = await installed()
  for (let i = 0; i < 2; i++) {
    const linked = spawnSync(process.execPath, [join(root, 'scripts/link-cli.mjs')], { encoding: 'utf8' })
    expect(linked.status).toBe(0)
    expect(linked.stderr).toBe('')
  }
  const link = join(root, 'node_modules/.bin/thalweg')
  expect(readlinkSync(link)).toBe('../../bin/thalweg')
  const ran = spawnSync(process.execPath, [link, 'x'], { encoding: 'utf8' })
  expect(JSON.parse(ran.stdout).args).toEqual(['x'])
})

test('an install where nothing can be linked does not fail', async () => {
  const root = await installed()
  writeFileSync(join(root, 'node_modules'), 'a file in the way')
  const linked = spawnSync(process.execPath, [join(root, 'scripts/link-cli.mjs')], { encoding: 'utf8' })
  expect(linked.status).toBe(0)
  expect(linked.stderr).toContain('could not be linked')
})

function codeOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)))
}
