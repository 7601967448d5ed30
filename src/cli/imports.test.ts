import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SOURCE } from '../../test/support/stack.ts'
import { startCli } from './cli.fixture.ts'

const NOW = 1_780_000_000

async function folderOf(ids: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-test-'))
  const events = ids.map((id) => ({
    event_type: 'users.messages.email.Open',
    id,
    time: NOW,
    user: {},
    properties: {},
  }))
  await writeFile(join(folder, 'a.ndjson'), events.map((one) => JSON.stringify(one)).join('\n'))
  return folder
}

test('import currents waits for its end and tells what it filled', async () => {
  const { thalweg, post } = await startCli()
  await post([{ event_type: 'users.messages.email.Open', id: 'a', time: NOW, user: {}, properties: {} }])
  const folder = await folderOf(['a', 'b', 'c'])
  const ran = await thalweg(['import', 'currents', folder, '--source', 'gap', '--copies-of', SOURCE])
  expect(ran.err).toBe('')
  expect(ran.code).toBe(0)
  expect(ran.out).toMatch(/gap, copies of braze/)
  expect(ran.out).toMatch(/2 new, 1 already there/)
  expect(ran.out).toMatch(/2026-05-28 20:00:00Z\s+2/)
  expect(ran.out).toMatch(/users\.messages\.email\.Open\s+2/)
  const again = await thalweg(['import', 'currents', folder, '--source', 'gap', '--json'])
  expect(again.json).toMatchObject({ import: { run: 2, read: 0 }, types: [], hours: [] })
})

test('import fails with exit code 1 and the reason', async () => {
  const { thalweg } = await startCli()
  const ran = await thalweg(['import', 'currents', '/nonexistent/place', '--source', 'gone'])
  expect(ran.code).toBe(1)
  expect(ran.out).toContain('There is nothing at /nonexistent/place')
  expect((await thalweg(['import', 'currents', 's3://', '--source', 'x'])).code).toBe(1)
})

test('imports are listed, shown, resumed; one that ended cannot be paused', async () => {
  const { thalweg } = await startCli()
  await thalweg(['import', 'currents', await folderOf(['a']), '--source', 'one'])
  expect((await thalweg(['imports', 'list'])).out).toMatch(/one\s+finished/)
  expect((await thalweg(['imports', 'show', 'one', '--json'])).json).toMatchObject({
    import: { accepted: 1 },
  })
  expect((await thalweg(['imports', 'resume', 'one', '--json'])).json).toMatchObject({ source: 'one' })
  const ended = await thalweg(['imports', 'show', 'two'])
  expect([ended.code, ended.err]).toEqual([1, expect.stringContaining('There is no source of files "two"')])
})

test('a watching import is not waited for, and is paused by hand', async () => {
  const { thalweg } = await startCli()
  const folder = await folderOf(['a'])
  const started = await thalweg([
    'import',
    'currents',
    folder,
    '--source',
    'watched',
    '--watch',
    '30',
    '--json',
  ])
  expect(started.json).toMatchObject({ import: { state: 'running', pollSeconds: 30 } })
  expect((await thalweg(['imports', 'pause', 'watched', '--json'])).json).toMatchObject({ state: 'paused' })
})
