/** The disk as a bar: what is ours by part, what is others', and what is free. The same numbers stand below it. */

import { Title } from '@mantine/core'
import type { SystemAnswer } from '../../../api/routes/system.ts'
import { bytes, count, share } from '../../elements/words.ts'
import classes from './disk-picture.module.css'

type Disk = SystemAnswer['disk']

const WORDS: Readonly<Record<string, string>> = {
  log: 'Log',
  store: 'Store',
  dedupe: 'Ids for dedupe',
  profiles: 'Profiles',
  warehouse: 'Warehouse',
  audiences: 'Rosters of activations',
  parquet: 'Parquet files',
  backups: 'Backups',
  rows: 'Rows of files',
}
/** Of ours; smaller parts are one. */
const PARTS_MAX = 5

interface Share {
  readonly label: string
  readonly bytes: number
  readonly tone: string
  readonly note: string
}

export function DiskPicture({ disk }: { disk: Disk }) {
  const shares = sharesOf(disk)
  return (
    <section className="tw-card" aria-labelledby="disk">
      <Title order={2} id="disk" mb="xs">
        Disk
      </Title>
      <div className={classes.bar} aria-hidden>
        {shares.map(({ label, bytes: size, tone }) => (
          <span
            key={label}
            className={classes.share}
            data-tone={tone}
            style={{ flexGrow: size / Math.max(disk.totalBytes, 1) }}
          />
        ))}
      </div>
      <dl className={classes.legend}>
        {shares.map(({ label, bytes: size, tone, note }) => (
          <div key={label} className={classes.entry}>
            <dt>
              <span className={classes.swatch} data-tone={tone} aria-hidden />
              {label}
            </dt>
            <dd>
              <strong>{bytes(size)}</strong> <span>{note}</span>
            </dd>
          </div>
        ))}
      </dl>
      <p className={classes.place}>{disk.dataDir}</p>
    </section>
  )
}

function sharesOf({ parts, freeBytes, totalBytes }: Disk): Share[] {
  const ours = parts.slice(0, PARTS_MAX).map(
    ({ name, bytes: size, files }, i): Share => ({
      label: WORDS[name] ?? name,
      bytes: size,
      tone: String(i + 1),
      note: `${count(files)} ${files === 1 ? 'file' : 'files'}`,
    }),
  )
  const rest = parts.slice(PARTS_MAX)
  const restBytes = rest.reduce((sum, part) => sum + part.bytes, 0)
  const used = parts.reduce((sum, part) => sum + part.bytes, 0)
  return [
    ...ours,
    ...(rest.length === 0
      ? []
      : [{ label: 'Other parts', bytes: restBytes, tone: 'rest', note: `${count(rest.length)} of them` }]),
    {
      label: 'Others on this disk',
      bytes: Math.max(0, totalBytes - freeBytes - used),
      tone: 'others',
      note: 'not Thalweg',
    },
    { label: 'Free', bytes: freeBytes, tone: 'free', note: share(freeBytes, totalBytes) },
  ]
}
