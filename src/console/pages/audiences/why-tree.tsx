import { Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AudienceWhyAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { When } from '../../elements/when.tsx'
import { dateTime } from '../../elements/words.ts'
import classes from './audiences.module.css'
import { shownValue } from './person.tsx'

type Why = AudienceWhyAnswer['why']

/** A rule with its answer, and those of its parts. */
export function WhyTree({ why }: { why: Why }) {
  return (
    <ul className={classes.why} aria-label="The rule with what it found">
      <WhyRule why={why} />
    </ul>
  )
}

function WhyRule({ why: { text, holds, flipAt, parts, condition, audience } }: { why: Why }) {
  return (
    <li>
      <div className={classes.whyRow}>
        <span className={classes.holds} data-holds={holds || undefined}>
          {holds ? 'yes' : 'no'}
        </span>
        <code>{audience === undefined ? text : <Link to={at`/audiences/${audience}`}>{text}</Link>}</code>
        {condition !== undefined && (
          <span className={classes.found}>
            found <strong>{found(condition)}</strong>
            {condition.moments.length > 0 && (
              <Text span size="xs" c="dimmed">
                {' '}
                compared with {condition.moments.map(dateTime).join(', ')}
              </Text>
            )}
          </span>
        )}
        {flipAt !== null && (
          <Text span size="xs" c="dimmed">
            may change <When at={flipAt} />
          </Text>
        )}
      </div>
      {parts.length > 0 && (
        <ul className={classes.why}>
          {parts.map((part, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a rule have no other name than their place
            <WhyRule key={i} why={part} />
          ))}
        </ul>
      )}
    </li>
  )
}

/** Moments are numbers in a profile; where the rule compares moments, they are shown as such. */
function found({ actual, moments, rule }: NonNullable<Why['condition']>): string {
  const isOfMoments = moments.length > 0 || rule.op === 'expr'
  if (!isOfMoments) return shownValue(actual)
  if (typeof actual === 'number') return dateTime(actual)
  if (Array.isArray(actual) && actual.every((one) => typeof one === 'number'))
    return actual.length === 0 ? 'none' : `${actual.length}: ${actual.slice(0, 5).map(dateTime).join(', ')}`
  return shownValue(actual)
}
