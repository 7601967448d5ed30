/**
 * The process of a test bucket: s3rver on a free port, printed as one line. It signs the tokens of its listings
 * with DES, which needs OpenSSL's old provider, so it cannot live in the tests' own process. It ends with its
 * standard input, and what it kept with it.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Options {
  readonly address: string
  readonly port: number
  readonly silent: boolean
  readonly directory: string
  readonly vhostBuckets: boolean
}
type Server = new (options: Options) => { run(): Promise<AddressInfo> }

const S3rver = createRequire(import.meta.url)('s3rver') as Server
const directory = mkdtempSync(join(tmpdir(), 'thalweg-bucket-'))
const server = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory,
  vhostBuckets: false,
})
const { port } = await server.run()
process.stdout.write(`${port}\n`)
process.stdin.resume().on('end', () => {
  rmSync(directory, { recursive: true, force: true })
  process.exit(0)
})
