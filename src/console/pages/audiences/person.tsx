/** Somebody in a row of a table: by what they are known, with the way to their profile. */

import { Link } from '@tanstack/react-router'
import { at } from '../../api/client.ts'
import classes from './audiences.module.css'

export interface Named {
  readonly profile: number
  readonly identifiers: readonly { readonly field: string; readonly value: string }[]
}

const SHOWN_MAX = 2

export function Identifiers({ identifiers }: Pick<Named, 'identifiers'>) {
  if (identifiers.length === 0) return <span className={classes.still}>is no more</span>
  return (
    <span
      className={classes.identifiers}
      title={identifiers.map(({ field, value }) => `${field} ${value}`).join('\n')}
    >
      {identifiers.slice(0, SHOWN_MAX).map(({ field, value }) => (
        <span key={`${field} ${value}`}>
          <span className={classes.field}>{field}</span> {value}
        </span>
      ))}
      {identifiers.length > SHOWN_MAX && (
        <span className={classes.field}>and {identifiers.length - SHOWN_MAX} more</span>
      )}
    </span>
  )
}

export function ProfileLink({ profile }: Pick<Named, 'profile'>) {
  return <Link to={at`/profiles/${profile}`}>{profile}</Link>
}

export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
