/** What doctor can see without a hub: Node.js, settings, data folder, sealing key, disk. */

import { access, constants, readFile, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { ThalwegError } from '../../core/errors.ts'
import { parseKey } from '../../core/secret.ts'
import { readSettings, type Settings } from '../../core/settings.ts'
import { dataDirOf, TOKEN_FILE } from '../client.ts'
import type { Session } from '../session.ts'
import { bytes } from '../words.ts'
import { bad, type Finding, good, warning } from './finding.ts'

const NODE_MAJOR_MIN = 24
const KEY_FILE = 'sealing.key'
const OTHERS = 0o077

export async function machineFindings(session: Session): Promise<Finding[]> {
  const dataDir = dataDirOf(session.options, session.io)
  const settings = settingsOf(session, dataDir)
  if (!('dataDir' in settings)) return [nodeFinding(process.versions.node), settings]
  return [
    nodeFinding(process.versions.node),
    good('settings', 'all can be used'),
    ...(await folderFindings(settings)),
  ]
}

export function nodeFinding(version: string): Finding {
  const major = Number.parseInt(version, 10)
  return major >= NODE_MAJOR_MIN
    ? good('Node.js', version)
    : bad(
        'Node.js',
        version,
        `Use ${NODE_MAJOR_MIN} or later; npm install brings one that bin/thalweg finds by itself`,
      )
}

function settingsOf({ io }: Session, dataDir: string): Settings | Finding {
  try {
    return readSettings(io.env, { dataDir })
  } catch (error) {
    if (!(error instanceof ThalwegError)) throw error
    return bad('settings', error.message, 'Change or remove these variables')
  }
}

async function folderFindings(settings: Settings): Promise<Finding[]> {
  const { dataDir } = settings
  const found = await stat(dataDir).catch(() => undefined)
  if (found === undefined)
    return [
      warning(
        'data folder',
        `${dataDir} is not there yet`,
        'thalweg serve makes it; or name another with --data',
      ),
    ]
  if (!found.isDirectory()) return [bad('data folder', `${dataDir} is no folder`, 'Name another with --data')]
  return [
    await writableFinding(dataDir),
    await keyFinding(settings),
    ...(await tokenFileFindings(dataDir)),
    await diskFinding(settings),
  ]
}

async function writableFinding(dataDir: string): Promise<Finding> {
  const writable = await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  return writable
    ? good('data folder', dataDir)
    : bad(
        'data folder',
        `${dataDir} cannot be written by this user`,
        `Give it to this user: chown -R "$USER" ${dataDir}`,
      )
}

async function keyFinding({ key, dataDir }: Settings): Promise<Finding> {
  if (key !== undefined) return good('sealing key', 'from THALWEG_KEY')
  const file = join(dataDir, KEY_FILE)
  const found = await stat(file).catch(() => undefined)
  if (found === undefined)
    return warning(
      'sealing key',
      `${file} is not there yet`,
      'The first start makes it; if there was one, put it back from the backup',
    )
  if ((found.mode & OTHERS) !== 0)
    return bad('sealing key', `${file} can be read by others`, `chmod 600 ${file}`)
  const text = await readFile(file, 'utf8').catch(() => '')
  return parseKey(text) === undefined
    ? bad('sealing key', `${file} does not hold a key of 32 bytes`, 'Put the right file back from the backup')
    : good('sealing key', `in ${file}`)
}

async function tokenFileFindings(dataDir: string): Promise<Finding[]> {
  const file = join(dataDir, TOKEN_FILE)
  const found = await stat(file).catch(() => undefined)
  if (found === undefined || (found.mode & OTHERS) === 0) return []
  return [bad('admin token', `${file} can be read by others`, `chmod 600 ${file}`)]
}

async function diskFinding({ dataDir, segmentBytes }: Settings): Promise<Finding> {
  const { bavail, bsize } = await statfs(dataDir)
  const free = bavail * bsize
  if (free < 2 * segmentBytes) {
    return bad(
      'disk',
      `${bytes(free)} are free; the log wants at least two segments of ${bytes(segmentBytes)}`,
      'Free some space, or lower THALWEG_RETENTION_BYTES',
    )
  }
  return good('disk', `${bytes(free)} are free`)
}
