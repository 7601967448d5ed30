/** Every kind of mistake is told with its file, line, column, field and remedy; all at once. */

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'
import { checkDocuments } from './check.ts'
import { type FileProblem, inReadingOrder, placed, readFolder } from './folder.ts'

async function problemsOf(files: Readonly<Record<string, string>>, partial = false): Promise<FileProblem[]> {
  const folder = await tempFolder()
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }
  const { documents, problems } = await readFolder(folder)
  const checked = checkDocuments(
    documents.map(({ value }) => value),
    { partial },
  )
  return inReadingOrder([...problems, ...placed(checked.problems, documents)])
}

const SOURCE = 'object: source\nname: braze\nkind: braze-currents\n'
const CURRENT = `object: current
name: orders
contactEmail: a@example.com
sources: [braze]
destination:
  kind: http
  settings:
    url: https://example.com/in
`
const PROFILE = `object: profile
fields:
  - name: user_id
    identifier: {rank: 1}
  - name: visits
    type: int
`

type Row = readonly [
  name: string,
  text: string,
  place: string,
  field: string,
  problem: RegExp,
  remedy: RegExp,
]

const ROWS: readonly Row[] = [
  ['no object', 'name: a\n', '1:1', '', /kind of object/, /object: and one of .*current/],
  ['a list', '- a\n', '1:1', '', /group of fields/, /Begin it with object/],
  [
    'an unknown kind',
    'object: curent\n',
    '1:9',
    'object',
    /no kind of object "curent"/,
    /Did you mean current\?/,
  ],
  [
    'a missing field',
    SOURCE.replace('kind: braze-currents\n', ''),
    '1:1',
    'kind',
    /kind is missing/,
    /braze-currents/,
  ],
  ['a misspelt field', `${SOURCE}settngs: {}\n`, '4:1', 'settngs', /no "settngs"/, /Did you mean settings\?/],
  [
    'a field that nothing is near to',
    `${SOURCE}zzzzzz: 1\n`,
    '4:1',
    'zzzzzz',
    /no "zzzzzz"/,
    /Known are name, kind, settings, token/,
  ],
  [
    'a misspelt field of settings',
    `${SOURCE}settings:\n  requestsPerSecondMx: 5\n`,
    '5:3',
    'settings.requestsPerSecondMx',
    /no "requestsPerSecondMx"/,
    /Did you mean requestsPerSecondMax\?/,
  ],
  [
    'a number out of bounds',
    `${SOURCE}settings:\n  requestsPerSecondMax: 0\n`,
    '5:25',
    'settings.requestsPerSecondMax',
    />=1/,
    /Requests per second/,
  ],
  [
    'a text where a number belongs',
    `${SOURCE}settings:\n  requestsPerSecondMax: many\n`,
    '5:25',
    'settings.requestsPerSecondMax',
    /"many" stands where a number belongs/,
    /Write a number/,
  ],
  [
    'a number where a text belongs',
    'object: query\nname: 2024\nsql: select 1\n',
    '2:7',
    'name',
    /2024 stands where a text belongs/,
    /Put it in quotes/,
  ],
  [
    'an unknown kind of source',
    SOURCE.replace('braze-currents', 'braze'),
    '3:7',
    'kind',
    /"braze" is not one of/,
    /Known are|Did you mean/,
  ],
  [
    'a name that cannot be one',
    SOURCE.replace('braze\n', 'Br aze\n'),
    '2:7',
    'name',
    /1 to 64 characters/,
    /part of its address/,
  ],
  [
    'an unknown destination',
    CURRENT.replace('http\n', 'htp\n'),
    '6:9',
    'destination.kind',
    /no destination of events "htp"/,
    /Did you mean http\?/,
  ],
  [
    'an unknown setting of a destination',
    CURRENT.replace('url:', 'ulr:'),
    '8:5',
    'destination.settings.ulr',
    /no "ulr"/,
    /Did you mean url\?/,
  ],
  [
    'a missing setting of a destination',
    CURRENT.replace('    url: https://example.com/in\n', '    headers: {}\n'),
    '7:3',
    'destination.settings.url',
    /url is missing/,
    /Write a text/,
  ],
  [
    'an unknown source',
    CURRENT.replace('[braze]', '[braez]'),
    '4:11',
    'sources.0',
    /no source "braez"/,
    /Did you mean braze\?/,
  ],
  [
    'an unknown authorization',
    `${CURRENT}  authorization: Nobody\n`,
    '9:18',
    'destination.authorization',
    /no authorization "Nobody"/,
    /Add a document for it/,
  ],
  [
    'a bad pattern',
    `${CURRENT}selection:\n  include: ["users.*.email"]\n`,
    '10:13',
    'selection.include.0',
    /a star may only/,
    /thalweg catalog/,
  ],
  [
    'an unknown state',
    `${CURRENT}state: halted\n`,
    '9:8',
    'state',
    /"halted" is not one of draft, running, paused/,
    /Known are/,
  ],
  ['an object twice', `${CURRENT}---\n${CURRENT}`, '11:7', 'name', /second current "orders"/, /another name/],
  [
    'a secret in the file',
    'object: authorization\nlabel: A\nprovider: segment\ncredentials:\n  writeKey: s3cr3t-value\n',
    '5:13',
    'credentials.writeKey',
    /does not stand in a file/,
    /env:NAME or file:path/,
  ],
  [
    'a secret that is a number',
    'object: authorization\nlabel: A\nprovider: segment\ncredentials:\n  writeKey: 123456\n',
    '5:13',
    'credentials.writeKey',
    /^Something else stands/,
    /env:NAME/,
  ],
  [
    'a credential that the provider does not have',
    'object: authorization\nlabel: A\nprovider: segment\ncredentials:\n  writeKey: env:A\n  readKey: env:B\n',
    '6:3',
    'credentials.readKey',
    /no "readKey"/,
    /Known are writeKey/,
  ],
  [
    'an unknown provider',
    'object: authorization\nlabel: A\nprovider: segmnt\ncredentials: {}\n',
    '3:11',
    'provider',
    /no provider "segmnt"/,
    /Did you mean segment\?/,
  ],
  [
    'a rule that is no FilterQL',
    'object: audience\nslug: vip\nfilter: |\n  FILTER AND (\n    visits >\n  )\n',
    '6:3',
    'filter',
    /Line 3, column 1/,
    /docs\/filterql.md/,
  ],
  [
    'a rule about a field that is not there',
    `${PROFILE}---\nobject: audience\nslug: vip\nfilter: FILTER visit > 3\n`,
    '10:16',
    'filter',
    /visits/,
    /docs\/filterql.md/,
  ],
  [
    'an audience that includes itself',
    'object: audience\nslug: vip\nfilter: FILTER INCLUDE vip\n',
    '3:9',
    'filter',
    /needs itself: vip → vip/,
    /circle/,
  ],
  [
    'an expression that is none',
    `${PROFILE}---\nobject: stream\nname: crm\nmappings:\n  - field: visits\n    expression: toint(visits\n`,
    '12:29',
    'mappings.0.expression',
    /./,
    /mappings.md/,
  ],
  [
    'a mapping to a field that is not there',
    `${PROFILE}---\nobject: stream\nname: crm\nmappings:\n  - field: visit\n    expression: visits\n`,
    '11:12',
    'mappings.0.field',
    /visit/,
    /mappings.md/,
  ],
  [
    'a rule of a segment with an unknown test',
    'object: segment\nname: vip\nparent: {table: people, key: id}\nrule:\n  all:\n    - {column: age, test: largr, value: 3}\n',
    '6:27',
    'rule.all.0.test',
    /"largr" is not one of/,
    /Known are|Did you mean/,
  ],
  [
    'a schedule that is none',
    'object: activation\nname: a\ncontactEmail: a@example.com\nquery: {sql: select 1}\noperation: add\ndestination:\n  kind: braze-cohort\n  settings: {instance: US-01, cohortId: a}\n  authorization: A\nschedule: {when: cron, cron: often}\n',
    '10:30',
    'schedule.cron',
    /cron expression/,
    /Minute, hour/,
  ],
  [
    'activations in a circle',
    ['a', 'b']
      .map(
        (name, i) =>
          `object: activation\nname: ${name}\ncontactEmail: a@example.com\nquery: {sql: select 1}\noperation: add\ndestination:\n  kind: braze-cohort\n  settings: {instance: US-01, cohortId: a}\n  authorization: A\nschedule: {when: after, activation: ${['b', 'a'][i]}}\n`,
      )
      .join('---\n') +
      '---\nobject: authorization\nlabel: A\nprovider: braze-cohort\ncredentials: {importKey: env:A, partnerKey: env:B}\n',
    '21:37',
    'schedule.activation',
    /a → b → a/,
    /circle/,
  ],
  [
    'a name that its object keeps',
    `${SOURCE}formerly: b\n`,
    '4:11',
    'formerly',
    /keeps its name/,
    /Leave formerly out/,
  ],
]

describe('a mistake is told with file, line, column, field and remedy', () => {
  test.each(ROWS)('%s', async (_name, text, place, field, problem, remedy) => {
    const files = {
      'things.yaml': text,
      ...(/braze|braez/.test(text) && !text.includes('object: source') ? { 'z.yaml': SOURCE } : {}),
    }
    const problems = await problemsOf(files)
    const [line, column] = place.split(':').map(Number)
    const found = problems.filter((one) => one.field === field)
    expect(found.map((one) => ({ file: one.file, line: one.line, column: one.column }))).toEqual([
      { file: 'things.yaml', line, column },
    ])
    expect(found[0]?.problem).toMatch(problem)
    expect(found[0]?.remedy).toMatch(remedy)
    expect(JSON.stringify(problems)).not.toMatch(/s3cr3t|123456/)
  })
})

test('everything that is wrong is told at once, in the order in which it is read', async () => {
  const problems = await problemsOf({
    'b/one.yaml': `${SOURCE}settngs: {}\nsettings: {requestsPerSecondMax: -1}\n`,
    'a.yaml': CURRENT.replace('orders', 'No Name').replace('http\n', 'htp\n'),
    'c.yaml': 'a: [1\n',
  })
  expect(problems.map(({ file, field }) => `${file} ${field}`)).toEqual([
    'a.yaml name',
    'a.yaml destination.kind',
    'b/one.yaml settngs',
    'b/one.yaml settings.requestsPerSecondMax',
    expect.stringMatching(/^c\.yaml /),
  ])
})

test('what the documents name may be elsewhere, if that is said', async () => {
  expect(await problemsOf({ 'a.yaml': CURRENT }, true)).toEqual([])
  expect(await problemsOf({ 'a.yaml': CURRENT })).toHaveLength(1)
})
