/** What doctor learns from the hub itself, or from its absence. */

import { createServer } from 'node:net'
import type { AlertAnswer } from '../../api/routes/alerts.ts'
import type { AuthorizationAnswer } from '../../api/routes/authorizations.ts'
import type { CurrentAnswer } from '../../api/routes/currents.ts'
import type { SystemAnswer } from '../../api/routes/system.ts'
import type { TokenAnswer } from '../../api/routes/tokens.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Client } from '../client.ts'
import type { Session } from '../session.ts'
import { bytes, grouped, span } from '../words.ts'
import { bad, type Finding, good, warning } from './finding.ts'

export async function hubFindings(session: Session): Promise<Finding[]> {
  let client: Client
  try {
    client = await session.client()
  } catch (error) {
    if (!(error instanceof ThalwegError)) throw error
    return [bad('hub', error.message, 'Give the right address with --url or THALWEG_URL')]
  }
  try {
    await client.raw('/healthz')
  } catch (error) {
    if (!(error instanceof ThalwegError)) throw error
    return [
      bad('hub', error.message, 'Start it with: thalweg serve'),
      ...(await portFindings(client.address)),
    ]
  }
  const ready = await readyFinding(client)
  try {
    const me = await client.get<TokenAnswer>('/tokens/mine')
    return [ready, good('API token', `"${me.label}", role ${me.role}`), ...(await insideFindings(client))]
  } catch (error) {
    if (!(error instanceof ThalwegError)) throw error
    return [
      ready,
      bad('API token', error.message, 'Give one in THALWEG_TOKEN, or name the data folder with --data'),
    ]
  }
}

/** Whether something else sits on the port that the hub would take. */
async function portFindings(address: string): Promise<Finding[]> {
  const { hostname, port, protocol } = new URL(address)
  const number = Number(port || (protocol === 'https:' ? 443 : 80))
  if (hostname !== '127.0.0.1' && hostname !== 'localhost') return []
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(number, hostname, () => server.close(() => resolve(true)))
  })
  return free
    ? [good('port', `${number} is free`)]
    : [
        bad(
          'port',
          `${number} is taken or may not be used`,
          'Stop the other program, or choose another with --port',
        ),
      ]
}

async function readyFinding(client: Client): Promise<Finding> {
  const { status, text } = await client.raw('/readyz')
  if (status === 200) return good('hub', `ready at ${client.address}`)
  const { checks = [] } = JSON.parse(text) as { checks?: { name: string; ready: boolean; state: string }[] }
  const broken = checks.filter((check) => !check.ready).map((check) => `${check.name} ${check.state}`)
  return bad(
    'hub',
    `not ready: ${broken.join(', ')}`,
    'Look into the log of the hub. A full disk heals by itself once there is space; a stopped log needs a restart',
  )
}

async function insideFindings(client: Client): Promise<Finding[]> {
  const system = await client.get<SystemAnswer>('/system')
  const { authorizations } = await client.get<{ authorizations: AuthorizationAnswer[] }>('/authorizations')
  const { currents } = await client.get<{ currents: CurrentAnswer[] }>('/currents')
  const { alerts } = await client.get<{ alerts: AlertAnswer[] }>('/alerts', { open: true })
  return [
    logFinding(system),
    good('store', system.store.dialect),
    ...authorizations.map(authorizationFinding),
    ...currents.map(currentFinding),
    ...alerts.map(({ subject }) => warning('alert', subject, 'See it: thalweg alerts --open')),
  ]
}

function logFinding({ log }: SystemAnswer): Finding {
  if (log.corrupt.length > 0) {
    return bad(
      'log',
      `${grouped(log.corrupt.length)} stretches do not check out, the first at ${log.corrupt[0]?.where}`,
      'The disk has lost bytes: check it. Everything else is still delivered',
    )
  }
  return good('log', `${grouped(log.head - log.tail)} records, ${bytes(log.bytes)}`)
}

function authorizationFinding({ id, label, health, healthDetail }: AuthorizationAnswer): Finding {
  const about = `authorization "${label}"`
  if (health === 'good') return good(about, 'accepted at its last check')
  if (health === 'bad')
    return bad(about, healthDetail, `New credentials: thalweg authorizations rotate ${id}`)
  return good(about, 'not checked yet')
}

function currentFinding({ name, state, stateReason, status }: CurrentAnswer): Finding {
  const about = `current ${name}`
  if (state === 'halted')
    return bad(about, `halted: ${stateReason}`, `Mend what it says, then: thalweg currents resume ${name}`)
  if (state === 'running' && status.gate !== 'open' && status.lastFault !== null) {
    return warning(
      about,
      `waits for its destination, ${span(status.lagMs)} behind: ${status.lastFault.message}`,
      'Nothing to do here: it tries again by itself and loses nothing',
    )
  }
  return good(about, `${state}, ${grouped(status.pending)} pending`)
}
