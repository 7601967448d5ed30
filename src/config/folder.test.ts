/** Files are somebody else's until they are read: whatever they hold, reading ends soon, stays inside, and says where it stopped. */

import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'
import { FILE_BYTES_MAX, fileOf, inReadingOrder, readFolder, secretsFor, writeFolder } from './folder.ts'
import { DEPTH_MAX, readYaml, writeYaml } from './yaml.ts'

describe('hostile YAML', () => {
  const nested = (open: string, close: string, n: number): string => `a: ${open.repeat(n)}1${close.repeat(n)}`
  test.each<readonly [name: string, text: string, problem: RegExp]>([
    [
      'a bomb of anchors',
      `a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n`,
      /Anchors and aliases are not read/,
    ],
    ['an alias', 'a: *nothing\n', /./],
    ['a merge', 'a: &x {b: 1}\nc:\n  <<: *x\n', /Anchors/],
    ['a tag', 'a: !!binary aGk=\n', /tag .* is not read/],
    ['a tag of its own', 'a: !ruby/object:Gem {}\n', /tag .* is not read/],
    ['a key twice', 'a: 1\nb: 2\na: 3\n', /"a" stands here twice/],
    ['a key twice within', 'x:\n  a: 1\n  a: 3\n', /"a" stands here twice/],
    ['a key that is a list', '? [a, b]\n: c\n', /A key is a plain word/],
    ['a key that would change every object', '__proto__: {admin: true}\n', /taken/],
    ['brackets in brackets', nested('[', ']', 200_000), /levels deep/],
    ['groups in groups', nested('{a: ', '}', 100_000), /levels deep/],
    ['lists in lists', `a:\n${'- '.repeat(100_000)}1`, /levels deep/],
    [
      'one group below another',
      Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      /levels deep/,
    ],
    ['a number that is none', 'a: .inf\n', /no number/],
    ['a number beyond what is exact', 'a: 12345678901234567890\n', /too large to be exact/],
    ['a tab', 'a:\n\tb: 1\n', /Tabs/],
    ['a quote that does not end', 'a: "b\n', /quote/],
    ['a directive of another language', '%YAML 9.9\n---\na: @b\n', /./],
  ])('%s', (_name, text, problem) => {
    const misread = readYaml(text).flatMap((one) => one.misread)
    expect(misread[0]?.problem).toMatch(problem)
    expect(misread[0]?.line).toBeGreaterThan(0)
    expect(misread[0]?.remedy).not.toBe('')
  })

  test('a hundred thousand keys are read, and one that comes again is found', () => {
    const text = `${Array.from({ length: 100_000 }, (_, i) => `k${i}: v`).join('\n')}\nk7: w\n`
    const [read] = readYaml(text)
    expect(read?.misread).toMatchObject([{ line: 100_001, column: 1, path: ['k7'] }])
  })

  test('what is as deep as allowed is read', () => {
    const [read] = readYaml(nested('[', ']', DEPTH_MAX - 1))
    expect(read?.misread).toEqual([])
  })

  test('texts that hold brackets, and words of other languages, are texts', () => {
    const [read] = readYaml(`a: "${'['.repeat(200)}"\nb: yes\nc: 2026-01-01\nd: no\n`)
    expect(read).toMatchObject({
      misread: [],
      value: { a: '['.repeat(200), b: 'yes', c: '2026-01-01', d: 'no' },
    })
  })
})

describe('a folder', () => {
  test('reads its files only: no link that leads out, nothing hidden, nothing large, nothing but UTF-8', async () => {
    const outside = await tempFolder()
    await writeFile(join(outside, 'secret.yaml'), 'object: query\nname: stolen\nsql: select 1\n')
    const folder = await tempFolder()
    await mkdir(join(folder, 'queries'))
    await mkdir(join(folder, '.hidden'))
    await writeFile(join(folder, '.hidden', 'x.yaml'), 'a: [')
    await writeFile(join(folder, 'notes.txt'), 'a: [')
    await writeFile(join(folder, 'queries', 'good.yml'), 'object: query\nname: good\nsql: select 1\n')
    await writeFile(join(folder, 'latin.yaml'), Buffer.from('a: caf\xe9\n', 'latin1'))
    await writeFile(join(folder, 'large.yaml'), `# ${'x'.repeat(FILE_BYTES_MAX)}\n`)
    await symlink(join(outside, 'secret.yaml'), join(folder, 'link.yaml'))
    await symlink(outside, join(folder, 'elsewhere'))
    await symlink(folder, join(folder, 'round'))
    const { documents, problems } = await readFolder(folder)
    expect(documents.map(({ file }) => file)).toEqual(['queries/good.yml'])
    expect(inReadingOrder(problems).map(({ file, problem }) => `${file}: ${problem}`)).toEqual([
      'elsewhere: The link leads out of the folder, or nowhere',
      `large.yaml: The file is larger than ${FILE_BYTES_MAX} bytes`,
      'latin.yaml: The file is not UTF-8',
      'link.yaml: The link leads out of the folder, or nowhere',
    ])
  })

  test('that is not there is told with what to do', async () => {
    await expect(readFolder('/nonexistent/thalweg')).rejects.toThrow(/thalweg init/)
  })

  test('takes secrets from where references say, and leaves out what is not there', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'key'), 'from the file\n')
    await writeFile(
      join(folder, 'a.yaml'),
      'object: authorization\nlabel: A\nprovider: x\ncredentials: {a: env:HERE, b: file:key, c: env:NOT_HERE, d: plain}\n',
    )
    const { documents } = await readFolder(folder)
    const secrets = await secretsFor(documents, folder, { HERE: 'from outside', NOT_HERE: '', d: 'x' })
    expect([...secrets]).toEqual([
      ['env:HERE', 'from outside'],
      ['file:key', 'from the file'],
    ])
  })

  test('keeps comments and bytes of what says the same, and rewrites only what does not', async () => {
    const folder = await tempFolder()
    const text =
      '# mine\nobject: query\nname: one # the first\nsql: "select 1"\n---\n# the other\nobject: query\nname: two\nsql: select 2\n# end\n'
    await writeFile(join(folder, 'both.yaml'), text)
    const query = (name: string, sql: string) => ({
      kind: 'query' as const,
      name,
      body: { name, engine: 'warehouse', sql, description: '' },
    })
    expect(
      await writeFolder(folder, [query('one', 'select 1'), query('two', 'select 2')], false),
    ).toMatchObject({
      made: [],
      changed: [],
      same: 2,
    })
    expect(await readFile(join(folder, 'both.yaml'), 'utf8')).toBe(text)
    await writeFolder(folder, [query('one', 'select 1'), query('two', 'select 3')], false)
    const changed = await readFile(join(folder, 'both.yaml'), 'utf8')
    expect(changed).toContain('name: one # the first')
    expect(changed).toContain('# the other')
    expect(changed).toContain('sql: select 3')
    expect(changed).toContain('# end')
    const left = await writeFolder(folder, [query('one', 'select 1')], false)
    expect(left.foreign).toEqual([{ file: 'both.yaml', object: 'query', name: 'two' }])
    await writeFolder(folder, [query('one', 'select 1')], true)
    const { documents } = await readFolder(folder)
    expect(documents.map(({ value }) => (value as { name: string }).name)).toEqual(['one'])
  })
})

test.each([
  ['plain', 'queries/plain.yaml'],
  ['../../etc/passwd', /^queries\/etc-passwd-[0-9a-f]{8}\.yaml$/],
  ['Größe', /^queries\/Gr-e-[0-9a-f]{8}\.yaml$/],
  ['...', /^queries\/[0-9a-f]{8}\.yaml$/],
])('the file of %s stays in its folder', (name, file) => {
  expect(fileOf('query', name)).toEqual(typeof file === 'string' ? file : expect.stringMatching(file))
})

test.each<readonly [value: unknown]>([
  [{ a: 'yes', b: 'null', c: '012', d: '1e3', e: '', f: ' padded ', g: '# not a comment', h: 'a: b' }],
  [
    {
      sql: 'select 1\n  from x\n\nwhere "a" = \'b\'\n',
      tail: 'no end\nof line',
      spaces: 'a \n b\n',
      lead: '\n  x\n',
    },
  ],
  [{ unicode: 'é 中 \u{1f600}\n\u2028', control: 'a\u0000b\nc', cr: 'a\r\nb\r\n' }],
  [{ long: 'word '.repeat(100), list: [{ a: [] }, {}, [['x']]] }],
])('what is written is read again: %j', (value) => {
  const [read] = readYaml(writeYaml(value))
  expect(read).toMatchObject({ misread: [] })
  expect(read?.value).toEqual(value)
})
