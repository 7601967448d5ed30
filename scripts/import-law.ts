/**
 * The import law: rooms import only from rooms further in, and rooms on one level do not know each other.
 *
 *   core ← { catalog, files } ← { log, store, destinations } ← cluster ← { sources, currents, warehouse, alerts, access } ← delivery ← { audiences, profiles } ← config ← { erasure, backup } ← api ← { cli, the programs }
 *
 * The sandbox stands outside: it knows core and catalog only, as a vendor would. The simulation stands around sandbox and hub, and is handed the hub
 * as the program composes it. Files at the top of src are the programs that compose the rooms.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

const SUPPLIES = ['core', 'catalog', 'files', 'log', 'store', 'destinations']
const BEFORE_DELIVERY = [...SUPPLIES, 'cluster', 'sources', 'currents', 'warehouse', 'alerts']

const INNER: Readonly<Record<string, readonly string[]>> = {
  core: [],
  catalog: ['core'],
  files: ['core'],
  log: ['core', 'catalog', 'files'],
  store: ['core', 'catalog'],
  destinations: ['core', 'catalog', 'files'],
  cluster: ['core', 'store'],
  sources: SUPPLIES,
  currents: SUPPLIES,
  warehouse: ['core', 'catalog', 'files', 'store', 'destinations'],
  alerts: ['core', 'store', 'destinations'],
  access: ['core', 'store'],
  delivery: BEFORE_DELIVERY,
  audiences: [...BEFORE_DELIVERY, 'delivery'],
  profiles: [...BEFORE_DELIVERY, 'delivery'],
  erasure: [...BEFORE_DELIVERY, 'delivery', 'audiences', 'profiles', 'config'],
  config: [...BEFORE_DELIVERY, 'delivery', 'audiences', 'profiles'],
  backup: ['core', 'files', 'log', 'store', 'warehouse', 'audiences'],
  api: [...BEFORE_DELIVERY, 'access', 'delivery', 'audiences', 'profiles', 'erasure', 'backup', 'config'],
  cli: ['core', 'catalog', 'config', 'api'],
  console: ['api'],
  sandbox: ['core', 'catalog'],
  simulation: [...BEFORE_DELIVERY, 'delivery', 'sandbox'],
}

/** Every import that the law forbids, as "file imports file". */
export function findImportBreaches(root: string): string[] {
  const breaches: string[] = []
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (
      !/\.tsx?$/.test(file) ||
      file.includes('/assembly/') ||
      file.includes('.test.') ||
      file.includes('.fixture.')
    )
      continue
    const room = roomOf(file)
    if (room === undefined) continue
    const allowed = INNER[room]
    if (allowed === undefined) {
      breaches.push(`${file} is in a room that the law does not name`)
      continue
    }
    for (const target of importsOf(join(root, file), root)) {
      const other = roomOf(target)
      if (other !== room && (other === undefined || !allowed.includes(other)))
        breaches.push(`${file} imports ${target}`)
    }
  }
  return breaches
}

function roomOf(file: string): string | undefined {
  const slash = file.indexOf('/')
  return slash === -1 ? undefined : file.slice(0, slash)
}

function importsOf(file: string, root: string): string[] {
  const text = readFileSync(file, 'utf8')
  const found: string[] = []
  for (const match of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    const target = match[1]
    if (target !== undefined) found.push(relative(root, resolve(file, '..', target)))
  }
  return found
}
