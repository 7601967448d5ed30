import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { event } from '../../test/support/stack.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { startCli } from './cli.fixture.ts'
import { identifierFrom } from './commands/erasures.ts'

test('erase shows who is meant, asks, and hands out a receipt that can be checked', async () => {
  const { thalweg, post } = await startCli()
  await post([
    event('h1', {
      user: { external_user_id: 'person-to-forget' },
      properties: { email_address: 'P@x.example' },
    }),
    event('o1'),
  ])
  const planned = await thalweg(['erase', 'person-to-forget', '--dry-run'])
  expect(planned.out).toMatch(/erased +external_id:person-to-forget\nerased +email:P@x\.example\n/)
  expect(planned.out).toMatch(/log +1\n/)
  expect(planned.out).toContain('Left for you to do:')
  expect((await thalweg(['erasures', 'list'])).out).toContain('Nobody was erased')

  expect(await thalweg(['erase', 'person-to-forget'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--yes'),
  })
  const refused = await thalweg(['erase', 'person-to-forget'], { terminal: true, stdin: 'n\n' })
  expect(refused.err).toContain('Nothing was erased.')

  const file = join(await tempFolder(), 'receipt.json')
  const done = await thalweg(['erase', 'person-to-forget', '--yes', '--receipt', file, '--note', 'by letter'])
  expect(done.code).toBe(0)
  expect(done.out).toMatch(/state +finished/)
  expect(done.out).toMatch(/log +1 found, 1 erased/)
  expect(done.out).toMatch(/Looked through \d+ files, [\d,]+ bytes: nothing of them is left\./)
  expect(await thalweg(['erasures', 'verify', file])).toMatchObject({
    code: 0,
    out: 'The receipt is ours.\n',
  })
  const forged = (await readFile(file, 'utf8')).replace('by letter', 'by nobody')
  await writeFile(file, forged)
  expect((await thalweg(['erasures', 'verify', file])).code).toBe(1)

  const [erasure] = (await thalweg(['erasures', 'list', '--json'])).json.erasures
  expect((await thalweg(['erasures', 'show', erasure.id])).out).toContain('1 found, 1 erased')
  expect(await thalweg(['erasures', 'addendum', erasure.id, 'elsewhere', file])).toMatchObject({
    code: 1,
    err: expect.stringContaining('signed no addendum'),
  })
  expect((await thalweg(['erasures', 'lift', erasure.id, '--yes'])).out).toContain('2 spellings')
})

test.each([
  ['cust-1', ['external_id', '', 'cust-1']],
  ['a@b.example', ['email', '', 'a@b.example']],
  ['braze_id:0123', ['braze_id', '', '0123']],
  ['alias:crm=x=1', ['alias', 'crm', 'x=1']],
  ['urn:thing:7', ['external_id', '', 'urn:thing:7']],
])('%s', (text, [kind, label, value]) => {
  expect(identifierFrom(text)).toEqual({ kind, label, value })
})

test.each(['alias:crm', 'alias:=x', 'email:'])('%s is refused', (text) => {
  expect(() => identifierFrom(text)).toThrow()
})
