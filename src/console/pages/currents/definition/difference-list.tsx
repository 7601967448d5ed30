import { Stack } from '@mantine/core'
import type { Difference } from './difference.ts'
import classes from './difference-list.module.css'

/** Each field that is set otherwise: what it was, and what it is. */
export function DifferenceList({ differences }: { differences: readonly Difference[] }) {
  return (
    <Stack gap={6} component="dl" m={0}>
      {differences.map(({ path, before, after }) => (
        <div key={path} className={classes.row}>
          <dt className={classes.path}>{path}</dt>
          <dd className={classes.values}>
            <del className={classes.before}>{before ?? 'not set'}</del>{' '}
            <ins className={classes.after}>{after ?? 'not set'}</ins>
          </dd>
        </div>
      ))}
    </Stack>
  )
}
