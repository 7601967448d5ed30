import { CopyButton } from './copy-button.tsx'
import classes from './json-view.module.css'

/** JSON to read: a value, indented, or a text as it is. */
export function JsonView({
  value,
  label,
  height = '420px',
}: {
  value: unknown
  label: string
  height?: string
}) {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? 'undefined')
  return (
    <div className={classes.frame}>
      <div className={classes.copy}>
        <CopyButton value={text} label={label} />
      </div>
      <section tabIndex={0} aria-label={label} className={classes.scroll} style={{ maxHeight: height }}>
        <pre className="tw-code">{text}</pre>
      </section>
    </div>
  )
}
