import { count } from '../../elements/words.ts'
import classes from './audiences.module.css'

/** How many entered and left. */
export function Moved({ entered, left }: { entered: number; left: number }) {
  if (entered === 0 && left === 0) return <span className={classes.still}>no change</span>
  return (
    <span>
      <span className={classes.entered}>+{count(entered)}</span>{' '}
      <span className={classes.left}>−{count(left)}</span>
    </span>
  )
}
