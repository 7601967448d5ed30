import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'
import { restore } from '../programs.ts'
import { run, startCli } from './cli.fixture.ts'

test('backup waits for what it makes, and restore says what is still missing', async () => {
  const { thalweg } = await startCli()
  const made = await thalweg(['backup', '--note', 'by hand', '--json'])
  expect(made.code, made.err).toBe(0)
  expect(made.json).toMatchObject({ note: 'by hand', withKey: false })
  expect((await thalweg(['backup', 'list'])).out).toContain('by hand')
  const dataDir = join(await tempFolder(), 'new')
  const put = () => run(['restore', made.json.folder, '--data', dataDir], { programs: { restore } })
  expect((await put()).out).toMatch(/^Restored \d+ files.*\n.*\nThe sealing key is not in the backup/)
  expect(await put()).toMatchObject({ code: 1, err: expect.stringContaining('is not empty') })
  expect((await thalweg(['backup', 'delete', made.json.id, '--yes'])).code).toBe(0)
  expect((await thalweg(['backup', 'delete', made.json.id, '--yes'])).err).toContain('There is no backup')
})
