/**
 * The console's files, as the build left them in dist/console: read once, answered from memory, compressed once. Only files that the build
 * made can be asked for; every other address that a browser opens is a page of the console and answers index.html.
 */

import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Api } from './app.ts'

const MEDIA: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}
/** Names of these files carry a hash of what is in them. */
const HASHED = '/assets/'
const INDEX = '/index.html'
const NONCE_PLACE = '%CSP_NONCE%'
const BROTLI_QUALITY = 7
const ALWAYS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
}

interface ConsoleFile {
  readonly bytes: Buffer
  readonly media: string
  readonly tag: string
  readonly packed: Map<string, Promise<Buffer>>
}

/** Adds the console at `/`. `folder`: what the build made; when it is missing, the pages say how to make it. */
export function consoleRoutes(app: Api, folder: string): void {
  let files: Promise<ReadonlyMap<string, ConsoleFile>> | undefined
  app.get('/*', { config: { role: 'open' } }, async (request, reply) => {
    const path = pathOf(request)
    if (path === undefined || path.startsWith('/api/')) return reply.callNotFound()
    files ??= readFiles(folder)
    const known = await files
    const file = known.get(path)
    if (file !== undefined && path !== INDEX) return answerFile(request, reply, path, file)
    // An address with an ending is a file of an older build, not a page.
    if (path.startsWith(HASHED) || !wantsPage(request)) return reply.callNotFound()
    const index = known.get(INDEX)
    if (index === undefined) {
      files = undefined
      return reply
        .code(503)
        .type('text/plain; charset=utf-8')
        .send('The console is not built: run npm run build:console, then load this page again.\n')
    }
    return answerPage(reply, index.bytes.toString('utf8'))
  })
}

/** undefined: no address of ours. */
function pathOf({ url }: FastifyRequest): string | undefined {
  const [path = ''] = url.split('?')
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

function wantsPage({ headers }: FastifyRequest): boolean {
  return (headers.accept ?? '').includes('text/html')
}

function answerPage(reply: FastifyReply, html: string) {
  const nonce = randomBytes(16).toString('base64')
  return reply
    .headers({ ...ALWAYS, 'cache-control': 'no-store', 'content-security-policy': policy(nonce) })
    .type('text/html; charset=utf-8')
    .send(html.replace(NONCE_PLACE, nonce))
}

/** Only what this hub serves runs, draws or is asked; nobody may frame it. */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

async function answerFile(request: FastifyRequest, reply: FastifyReply, path: string, file: ConsoleFile) {
  reply.headers({
    ...ALWAYS,
    'cache-control': path.startsWith(HASHED) ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag: file.tag,
    vary: 'accept-encoding',
  })
  if (request.headers['if-none-match'] === file.tag) return reply.code(304).send()
  reply.type(file.media)
  const accepted = String(request.headers['accept-encoding'] ?? '')
  const coding = /\bbr\b/.test(accepted) ? 'br' : /\bgzip\b/.test(accepted) ? 'gzip' : undefined
  if (coding === undefined) return reply.send(file.bytes)
  return reply.header('content-encoding', coding).send(await packed(file, coding))
}

function packed({ bytes, packed: done }: ConsoleFile, coding: 'br' | 'gzip'): Promise<Buffer> {
  let pack = done.get(coding)
  if (pack === undefined) {
    pack =
      coding === 'br'
        ? promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } })
        : promisify(gzip)(bytes)
    done.set(coding, pack)
  }
  return pack
}

/** By path. Empty when the folder is not there. */
async function readFiles(folder: string): Promise<ReadonlyMap<string, ConsoleFile>> {
  const files = new Map<string, ConsoleFile>()
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  })
  for (const entry of names) {
    const media = MEDIA[extname(entry.name)]
    if (!entry.isFile() || media === undefined) continue
    const file = join(entry.parentPath, entry.name)
    const bytes = await readFile(file)
    const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
    files.set(file.slice(folder.length).replaceAll('\\', '/'), { bytes, media, tag, packed: new Map() })
  }
  return files
}
