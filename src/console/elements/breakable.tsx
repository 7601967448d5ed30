import { Fragment } from 'react'

/** A long name that may go on in the next line after a dot, dash, slash or the like, rather than anywhere. */
export function Breakable({ text }: { text: string }) {
  return text.split(/(?<=[._/@-])/).map((part, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts have no other name
    <Fragment key={i}>
      {i > 0 && <wbr />}
      {part}
    </Fragment>
  ))
}
