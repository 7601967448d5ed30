/** Buckets on a real server of the S3 protocol, one for each process of the tests. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { S3Credentials } from '../../src/files/credentials.ts'
import type { BucketLocation } from '../../src/files/location.ts'

/** The only credentials that the server knows. It checks the id of the key, not the signature. */
export const BUCKET_CREDENTIALS: S3Credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }

let server: Promise<string> | undefined
let buckets = 0

/** An empty bucket. The server and what it keeps go away with the process. */
export async function testBucket(prefix = ''): Promise<BucketLocation> {
  server ??= startServer()
  const endpoint = await server
  const bucket = `bucket-${++buckets}`
  const made = await fetch(`${endpoint}/${bucket}`, { method: 'PUT' })
  if (!made.ok) throw new Error(`The bucket was not made: ${made.status} ${await made.text()}`)
  return { kind: 's3', bucket, prefix, endpoint, region: 'us-east-1', pathStyle: true }
}

async function startServer(): Promise<string> {
  const script = join(import.meta.dirname, 'bucket-server.ts')
  const child = spawn(process.execPath, ['--openssl-legacy-provider', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(failed)])) as [
    Buffer,
  ]
  // Tests may end while it runs: it ends with the pipe to it.
  child.unref()
  child.stdout.destroy()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  return `http://127.0.0.1:${Number(String(line))}`
}

function failed(): never {
  throw new Error('The server of the test buckets did not start')
}
