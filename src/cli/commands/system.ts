/** system, backup, restore: what a node is made of, and copies of it. */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { BackupAnswer, BackupsAnswer, BackupUnderWayAnswer } from '../../api/routes/backups.ts'
import type { SystemAnswer } from '../../api/routes/system.ts'
import { path } from '../../core/api-path.ts'
import { ThalwegError } from '../../core/errors.ts'
import { type Client, dataDirOf } from '../client.ts'
import type { Programs } from '../programs.ts'
import type { Session } from '../session.ts'
import { bytes, clean, grouped, moment, span } from '../words.ts'

const ASK_EVERY_MS = 500

export function systemCommands(
  program: Command,
  session: Session,
  loadPrograms: () => Promise<Programs>,
): void {
  program
    .command('system')
    .description('versions, disk, readers of the log, retention and settings of the hub')
    .action(async () => {
      const system = await (await session.client()).get<SystemAnswer>('/system')
      session.out.show(system, () => showSystem(session, system))
    })

  const backup = program
    .command('backup')
    .alias('backups')
    .description('copies of a hub that works, in a folder of its own')

  backup
    .command('create', { isDefault: true })
    .description('make a backup, and wait for it')
    .option('--note <text>', 'why, for those who come later', '')
    .option('--with-key', 'the sealing key, too: whoever has the backup then has the credentials', false)
    .action(async ({ note, withKey }: { note: string; withKey: boolean }) => {
      const client = await session.client()
      const begun = await client.send<BackupUnderWayAnswer>('POST', '/system/backups', { note, withKey })
      const made = await finished(session, client, begun.id)
      session.out.show(made, () => showBackup(session, made))
    })

  backup
    .command('list')
    .description('backups, newest first')
    .action(async () => {
      const answer = await (await session.client()).get<BackupsAnswer>('/system/backups')
      session.out.show(answer, () => showBackups(session, answer))
    })

  backup
    .command('delete')
    .description('remove a backup from the disk')
    .argument('<id>', 'id')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      const found = await client.get<BackupAnswer>(path`/system/backups/${id}`)
      const question = `Remove ${clean(found.id)} of ${moment(found.finishedAt)} for ever?`
      if (!(await session.agreed(yes, question))) return session.out.aside('Nothing was changed.')
      await client.remove(path`/system/backups/${id}`)
      session.out.show({ deleted: id }, () => session.out.line(`Deleted ${clean(id)}.`))
    })

  program
    .command('restore')
    .description('put a backup into an empty data folder (--data), while no hub runs on it')
    .argument('<folder>', 'folder of the backup')
    .action(async (folder: string) => {
      const dataDir = dataDirOf(session.options, session.io)
      const { restore } = await loadPrograms()
      const restored = await restore(resolve(folder), dataDir)
      session.out.show(restored, () => {
        const { out } = session
        out.line(
          `Restored ${grouped(restored.files)} files, ${bytes(restored.bytes)}, into ${clean(dataDir)}.`,
        )
        out.line(`The log goes up to record ${grouped(restored.head)} of ${moment(restored.startedAt)}.`)
        if (!restored.withKey)
          out.line(
            'The sealing key is not in the backup: set THALWEG_KEY, or put sealing.key into the folder, before the start.',
          )
        if (restored.dialect === 'postgres')
          out.line(
            'The store is not in the backup: restore the dump of PostgreSQL that was made just before it.',
          )
      })
    })
}

/** Asks until it is there; says how far it is. */
async function finished(session: Session, client: Client, id: string): Promise<BackupAnswer> {
  let told = ''
  for (;;) {
    const { underWay, backups, lastFailure } = await client.get<BackupsAnswer>('/system/backups')
    const made = backups.find((one) => one.id === id)
    if (made !== undefined) return made
    if (underWay?.id !== id)
      throw new ThalwegError('BACKUP_BROKEN', lastFailure?.message ?? `The backup ${id} was not made`)
    if (underWay.step !== told) session.out.aside(`${clean(underWay.step)} …`)
    told = underWay.step
    await session.io.pause(ASK_EVERY_MS)
  }
}

function showBackup({ out }: Session, backup: BackupAnswer): void {
  out.facts([
    ['id', clean(backup.id)],
    ['folder', clean(backup.folder)],
    ['size', bytes(backup.bytes)],
    ['took', span(backup.finishedAt - backup.startedAt)],
    ['records', `${grouped(backup.log.tail)} to ${grouped(backup.log.head)}`],
    ['sealing key', backup.withKey ? 'in it' : 'not in it: keep it elsewhere'],
  ])
}

function showBackups(
  { out }: Session,
  { backups, underWay, lastFailure, folder, storeNote }: BackupsAnswer,
): void {
  if (underWay !== null) out.line(`${clean(underWay.id)} is being made: ${clean(underWay.step)}`)
  if (lastFailure !== null)
    out.line(
      out.colour(
        'red',
        `The last one failed at ${moment(lastFailure.at)}: ${clean(lastFailure.message, 500)}`,
      ),
    )
  if (storeNote !== null) out.line(storeNote)
  out.table(
    [
      { title: 'ID' },
      { title: 'MADE' },
      { title: 'SIZE', right: true },
      { title: 'UP TO RECORD', right: true },
      { title: 'KEY' },
      { title: 'NOTE' },
    ],
    backups.map((backup) => [
      clean(backup.id),
      moment(backup.finishedAt),
      bytes(backup.bytes),
      grouped(backup.log.head),
      backup.withKey ? 'yes' : 'no',
      clean(backup.note, 60),
    ]),
    `There are no backups in ${clean(folder)} yet. Make one: thalweg backup`,
  )
}

function showSystem({ out }: Session, system: SystemAnswer): void {
  const { disk, log, retention } = system
  const full =
    disk.trend === null || disk.trend.fullAt === null ? '' : `, full about ${moment(disk.trend.fullAt)}`
  out.facts([
    ['version', `${clean(system.version)}, Node ${clean(system.node)}`],
    ['store', `${system.store.dialect} ${clean(system.store.version)}, step ${system.store.step}`],
    ['up for', span(system.uptimeMs)],
    ['disk', `${bytes(disk.freeBytes)} of ${bytes(disk.totalBytes)} free${full}`],
    ['log', `${log.state}, ${grouped(log.head - log.tail)} records, ${bytes(log.bytes)}`],
    ['retention', `would free ${bytes(retention.log.frees.bytes)} now`],
    ...system.processes.map(({ name, pid, residentBytes }): [string, string] => [
      name,
      `process ${pid}${residentBytes === null ? '' : `, ${bytes(residentBytes)}`}`,
    ]),
  ])
  out.table(
    [{ title: 'PART' }, { title: 'SIZE', right: true }, { title: 'FILES', right: true }],
    disk.parts.map((part) => [clean(part.name), bytes(part.bytes), grouped(part.files)]),
    'The data folder is empty.',
  )
  out.table(
    [{ title: 'READER' }, { title: 'BEHIND', right: true }, { title: 'OLDEST', right: true }],
    system.readers.map(({ name, current, lag, lagMs }) => [
      clean(current ?? name),
      grouped(lag),
      lag === 0 ? '–' : span(lagMs),
    ]),
    'Nobody reads the log.',
  )
}
