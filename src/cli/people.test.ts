import { expect, test } from 'vitest'
import { startCli } from './cli.fixture.ts'

test('people are invited, changed and removed; the trail tells of it', async () => {
  const { thalweg, url, access } = await startCli()
  expect((await thalweg(['people', 'list'])).out).toContain('There is nobody yet')
  const invited = await thalweg([
    'people',
    'invite',
    'ben@example.com',
    '--name',
    'Ben',
    '--role',
    'operator',
  ])
  expect(invited.code).toBe(0)
  const link = /^http\S+#code=(\S+)$/m.exec(invited.out)
  expect(link?.[0]).toContain(`${url}/accept#code=`)
  const from = { agent: '', address: '' }
  await access.accept({ code: link?.[1] ?? '', password: 'correct horse staple' }, from)
  expect((await thalweg(['people', 'list'])).out).toMatch(/ben@example\.com +Ben +operator +active/)
  expect((await thalweg(['people', 'role', 'ben@example.com', 'viewer'])).out).toContain('is viewer now')
  expect((await thalweg(['people', 'disable', 'ben@example.com'])).out).toContain('signed out everywhere')
  expect((await thalweg(['people', 'enable', 'ben@example.com'])).out).toContain('is active again')
  const again = await thalweg(['people', 'link', 'ben@example.com', '--json'])
  expect(again.json.link.url).toContain(`${url}/accept#code=`)
  expect((await thalweg(['people', 'role', 'ben@example.com', 'owner'])).code).toBe(1)
  expect((await thalweg(['people', 'remove', 'ben@example.com'])).code).toBe(2)
  expect((await thalweg(['people', 'remove', 'ben@example.com', '--yes'])).out).toContain('Removed')

  const all = await thalweg(['audit', '--object', 'person'])
  expect(all.out.match(/(\w+Person)/g)).toEqual([
    'removePerson',
    'updatePerson',
    'linkPerson',
    'updatePerson',
    'updatePerson',
    'updatePerson',
    'invitePerson',
  ])
  expect(all.out).toMatch(/first \(admin\) +updatePerson +person .* +refused: INPUT_INVALID/)
  const done = await thalweg(['audit', '--operation', 'invitePerson', '--since', '1h', '--json'])
  expect(done.json.entries).toHaveLength(1)
  const one = await thalweg(['audit', 'show', String(done.json.entries[0].number)])
  expect(one.out).toMatch(/what +invitePerson[\s\S]*After:[\s\S]*"state": "invited"/)
  const lines = (await thalweg(['audit', '--text', 'ben', '--export'])).out.trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).operation)).toContain('removePerson')
  expect((await thalweg(['audit', '--who', 'x@y.z'])).err).toContain('There is no person')
})
