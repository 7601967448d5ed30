/** A server that begins to listen, and says it in plain words when its port is not to be had. */

import type { Server } from 'node:http'
import { ThalwegError } from './errors.ts'

/** Throws PORT_TAKEN, and what else node:net throws. */
export function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(inWords(error, port, host))
    server.once('error', failed)
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', failed)
      resolve()
    })
  })
}

/** Connections that may wait to be taken: a vendor's sender opens many at once. */
const BACKLOG = 1024

function inWords(error: NodeJS.ErrnoException, port: number, host: string): Error {
  if (error.code === 'EADDRINUSE')
    return new ThalwegError('PORT_TAKEN', `Something listens on port ${port} of ${host} already`)
  if (error.code === 'EACCES')
    return new ThalwegError('PORT_TAKEN', `Port ${port} of ${host} may be used by root only`)
  return error
}
