import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import Fastify from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { expect, onTestFinished, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'
import type { Api } from './app.ts'
import { consoleRoutes } from './console-files.ts'

const SCRIPT = 'export const water = 1\n'.repeat(200)
const PAGE = { accept: 'text/html,application/xhtml+xml' }

async function served(files: Readonly<Record<string, string>> | undefined): Promise<Api> {
  const folder = join(await tempFolder(), 'console')
  if (files !== undefined) {
    await mkdir(join(folder, 'assets'), { recursive: true })
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  }
  const app: Api = Fastify().withTypeProvider<ZodTypeProvider>()
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: { code: 'ROUTE_UNKNOWN' } }))
  consoleRoutes(app, folder)
  onTestFinished(() => app.close())
  return app
}

const BUILT = {
  'index.html': '<meta name="csp-nonce" content="%CSP_NONCE%" /><script src="/assets/index-1.js"></script>',
  'assets/index-1.js': SCRIPT,
  'assets/notes.map': '{}',
}

test('every page is index.html under a policy whose nonce is its own', async () => {
  const app = await served(BUILT)
  const nonces = new Set<string>()
  for (const url of ['/', '/currents/treasure-data?tab=ledger', '/events/a%2Fb']) {
    const answer = await app.inject({ url, headers: PAGE })
    const policy = String(answer.headers['content-security-policy'])
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? ''
    nonces.add(nonce)
    expect(answer.statusCode).toBe(200)
    expect(answer.body).toContain(`content="${nonce}"`)
    expect(policy).toContain("script-src 'self';")
    expect(policy).not.toContain('unsafe')
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
    })
  }
  expect(nonces.size).toBe(3)
})

test('files with a hash in their name are kept for ever, packed as the browser takes them', async () => {
  const app = await served(BUILT)
  const plain = await app.inject({ url: '/assets/index-1.js' })
  expect([plain.statusCode, plain.body]).toEqual([200, SCRIPT])
  expect(plain.headers).toMatchObject({
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': 'text/javascript; charset=utf-8',
    vary: 'accept-encoding',
  })
  for (const [accepted, coding, unpack] of [
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
  ] as const) {
    const packed = await app.inject({ url: '/assets/index-1.js', headers: { 'accept-encoding': accepted } })
    expect(packed.headers['content-encoding']).toBe(coding)
    expect(unpack(packed.rawPayload).toString()).toBe(SCRIPT)
  }
  const again = await app.inject({
    url: '/assets/index-1.js',
    headers: { 'if-none-match': String(plain.headers.etag) },
  })
  expect([again.statusCode, again.body]).toEqual([304, ''])
})

test.each([
  ['a file of an older build', '/assets/index-0.js', PAGE],
  ['a kind of file that the console has none of', '/assets/notes.map', {}],
  ['what lies outside', '/assets/../../secret.js', {}],
  ['what lies outside, encoded', '/assets/%2e%2e%2f%2e%2e%2fsecret.js', {}],
  ['an address that is none', '/%E0%A4%A', PAGE],
  ['a route of the API that is none', '/api/v1/nothing', PAGE],
  ['a page, asked for by a program', '/currents', { accept: '*/*' }],
])('%s is not there', async (_what, url, headers) => {
  const app = await served(BUILT)
  const answer = await app.inject({ url, headers })
  expect([400, 404]).toContain(answer.statusCode)
})

test('before it is built, the page says how to build it; afterwards it is there without a new start', async () => {
  const folder = join(await tempFolder(), 'console')
  const app: Api = Fastify().withTypeProvider<ZodTypeProvider>()
  consoleRoutes(app, folder)
  onTestFinished(() => app.close())
  const before = await app.inject({ url: '/', headers: PAGE })
  expect([before.statusCode, before.body]).toEqual([503, expect.stringContaining('npm run build:console')])
  await mkdir(folder)
  await writeFile(join(folder, 'index.html'), BUILT['index.html'])
  expect((await app.inject({ url: '/', headers: PAGE })).statusCode).toBe(200)
})
