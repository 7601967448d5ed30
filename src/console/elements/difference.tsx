/** Two texts, line by line: what is gone and what is new, with some lines around it. Told by a sign, and coloured besides. */

import { useMemo } from 'react'
import classes from './difference.module.css'

export interface DifferenceProps {
  readonly label: string
  readonly before: string
  readonly after: string
}

type Kind = 'same' | 'gone' | 'new' | 'skipped'

interface Line {
  readonly kind: Kind
  readonly text: string
}

const SIGNS: Readonly<Record<Kind, string>> = { same: '  ', gone: '- ', new: '+ ', skipped: '' }
/** Lines that stay, shown around those that do not. */
const AROUND = 3
/** Cells of the table that finds the longest common lines; past it all is gone and all is new. */
const CELLS_MAX = 4_000_000

export function Difference({ label, before, after }: DifferenceProps) {
  const lines = useMemo(() => folded(compared(before.split('\n'), after.split('\n'))), [before, after])
  return (
    // What scrolls can be reached by keyboard.
    <section aria-label={label} className={classes.lines} tabIndex={0}>
      {lines.map(({ kind, text }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name than their place
        <div key={i} className={classes.line} data-kind={kind}>
          {SIGNS[kind]}
          {text}
        </div>
      ))}
    </section>
  )
}

function compared(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let end = 0
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end++
  const lines: Line[] = before.slice(0, start).map(same)
  lines.push(...inside(before.slice(start, before.length - end), after.slice(start, after.length - end)))
  lines.push(...before.slice(before.length - end).map(same))
  return lines
}

/** By the longest common subsequence of lines. */
function inside(before: readonly string[], after: readonly string[]): Line[] {
  const width = after.length + 1
  if (before.length * width > CELLS_MAX)
    return [
      ...before.map((text): Line => ({ kind: 'gone', text })),
      ...after.map((text): Line => ({ kind: 'new', text })),
    ]
  const length = new Uint32Array((before.length + 1) * width)
  const at = (i: number, j: number): number => length[i * width + j] ?? 0
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      length[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const lines: Line[] = []
  let i = 0
  let j = 0
  while (i < before.length || j < after.length) {
    const [gone, fresh] = [before[i], after[j]]
    if (gone !== undefined && gone === fresh) {
      lines.push(same(gone))
      i++
      j++
    } else if (gone !== undefined && (fresh === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ kind: 'gone', text: gone })
      i++
    } else {
      lines.push({ kind: 'new', text: fresh ?? '' })
      j++
    }
  }
  return lines
}

function same(text: string): Line {
  return { kind: 'same', text }
}

/** Long stretches without a change are told by their length. */
function folded(lines: readonly Line[]): Line[] {
  const shown = lines.map((_, i) =>
    lines.slice(Math.max(0, i - AROUND), i + AROUND + 1).some(({ kind }) => kind !== 'same'),
  )
  const result: Line[] = []
  let skipped = 0
  const tell = (): void => {
    if (skipped > 0) result.push({ kind: 'skipped', text: `… ${skipped} lines are the same` })
    skipped = 0
  }
  lines.forEach((line, i) => {
    if (shown[i] === true) {
      tell()
      result.push(line)
    } else skipped++
  })
  tell()
  return result
}
