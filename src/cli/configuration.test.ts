/** Objects as files, from the terminal: as somebody new would walk it. */

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'
import { run, startCli } from './cli.fixture.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples/configuration')

test('the examples hold together, without a hub', async () => {
  const { code, out, json } = await run(['validate', EXAMPLES, '--json'])
  expect({ code, out }).toMatchObject({ code: 0 })
  expect(json.documents).toBeGreaterThan(8)
})

test('a folder is begun, filled from the hub, changed, planned and applied; what the console changed since is kept', async () => {
  const stack = await startCli()
  const folder = join(await tempFolder(), 'config')
  expect((await stack.thalweg(['init', folder])).code).toBe(0)
  expect(await readdir(join(folder, '.schemas'))).toContain('current.json')
  expect((await stack.thalweg(['validate', folder])).out).toMatch(/no documents .* yet/)
  expect((await stack.thalweg(['init', folder])).code).toBe(0)
  const exported = await stack.thalweg(['export', folder, '--json'])
  expect(exported.json.made).toContain('sources/braze.yaml')
  expect((await stack.thalweg(['export', folder, '--json'])).json).toMatchObject({ made: [], changed: [] })
  expect((await stack.thalweg(['diff', folder])).code).toBe(0)

  await mkdir(join(folder, 'currents'), { recursive: true })
  const file = join(folder, 'currents/orders.yaml')
  const text =
    '# ours\nobject: current\nname: orders\ncontactEmail: a@example.com\nsources: [braze]\ndestination:\n  kind: http\n  settings: {url: http://127.0.0.1:9/in}\n'
  await writeFile(file, text.replace('braze]', 'braez]').replace('url', 'ulr'))
  const wrong = await stack.thalweg(['plan', folder])
  expect(wrong.code).toBe(1)
  expect(wrong.out).toContain('currents/orders.yaml:8:14 destination.settings.ulr')
  expect(wrong.out).toContain('Did you mean url?')
  const misnamed = await stack.thalweg(['validate', folder, '--json'])
  expect(misnamed.json.problems).toContainEqual(
    expect.objectContaining({ file: 'currents/orders.yaml', line: 8, field: 'destination.settings.ulr' }),
  )
  await writeFile(file, text.replace('braze]', 'braez]'))
  expect((await stack.thalweg(['plan', folder])).out).toMatch(
    /currents\/orders\.yaml:5:11 sources\.0\n +There is no source "braez"\n +Did you mean braze\?/,
  )
  await writeFile(file, text)
  const plan = await stack.thalweg(['plan', folder])
  expect(plan.out).toMatch(/\+ current orders\n +→ Of the last 0 events of its sources it sends 0/)
  expect(plan.out).toMatch(/1 to create, 0 to change, 0 to remove/)
  expect((await stack.thalweg(['apply', folder], { terminal: true, stdin: 'n\n' })).err).toContain(
    'Nothing was changed',
  )
  expect((await stack.thalweg(['apply', folder, '--yes', '--note', 'begin'])).out).toMatch(
    /done +create current orders/,
  )
  expect((await stack.thalweg(['diff', folder])).code).toBe(0)
  expect((await stack.thalweg(['export', folder, '--json'])).json).toMatchObject({ made: [], changed: [] })
  expect(await readFile(file, 'utf8')).toBe(text)

  const { definition } = await stack.hub.currents.get('orders')
  const { number } = await stack.hub.currents.get('orders')
  await stack.hub.delivery.revise(number, { ...definition, externalId: 'optional' }, 'by hand')
  const drifted = await stack.thalweg(['diff', folder])
  expect(drifted.code).toBe(1)
  expect(drifted.out).toContain('drift: it was changed since apply 1, elsewhere')
  const refused = await stack.thalweg(['apply', folder, '--yes'])
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('--accept-drift')
  expect((await stack.hub.currents.get('orders')).definition.externalId).toBe('optional')
  await stack.thalweg(['export', folder])
  expect(await readFile(file, 'utf8')).toMatch(/^# ours\nobject: current\n[\s\S]*externalId: optional/)
  expect((await stack.thalweg(['diff', folder])).code).toBe(0)
  expect((await stack.thalweg(['applies'])).out).toMatch(/begin/)
})

test('a secret is taken from where its reference says, and told nowhere', async () => {
  const stack = await startCli()
  const folder = await tempFolder()
  await writeFile(
    join(folder, 'a.yaml'),
    'object: authorization\nlabel: A\nprovider: segment\ncredentials: {writeKey: env:KEY}\n',
  )
  const missing = await stack.thalweg(['apply', folder, '--yes'])
  expect(missing.code).toBe(1)
  expect(missing.out).toContain('missing: env:KEY is not set here')
  const env = { KEY: 'the-secret-key' }
  const ran = [
    await stack.thalweg(['plan', folder], { env }),
    await stack.thalweg(['apply', folder, '--yes'], { env }),
    await stack.thalweg(['plan', folder, '--all', '--json'], { env: { KEY: 'another-secret-key' } }),
  ]
  expect(ran.map(({ code }) => code)).toEqual([0, 0, 0])
  for (const { out, err } of ran) expect(out + err).not.toMatch(/secret-key/)
  const [authorization] = await stack.hub.authorizations.list()
  expect(await stack.hub.authorizations.reveal(authorization?.id ?? '')).toEqual({
    writeKey: 'the-secret-key',
  })
})
