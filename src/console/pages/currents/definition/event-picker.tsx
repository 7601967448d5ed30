/** The catalog as a tree of checkboxes: category, channel, type, each with what came in lately. */

import { ActionIcon, Badge, Checkbox } from '@mantine/core'
import { ChevronDown, ChevronRight } from 'lucide-react'
import { useState } from 'react'
import type { SelectionAnswer } from '../../../../api/routes/current-events.ts'
import { Empty } from '../../../elements/empty.tsx'
import { count } from '../../../elements/words.ts'
import classes from './definition.module.css'
import {
  flowingIn,
  type PickerCategory,
  type PickerChannel,
  type SelectionRule,
  withChannel,
  withType,
} from './patterns.ts'

export interface EventPickerProps {
  readonly picker: readonly PickerCategory[]
  readonly selection: SelectionRule
  readonly seen: SelectionAnswer['seen']
  readonly search: string
  readonly onlySeen: boolean
  readonly onChange: (selection: SelectionRule) => void
}

export function EventPicker(props: EventPickerProps) {
  const { picker, selection, seen, search, onlySeen, onChange } = props
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const accepted = new Map(seen.map((row) => [row.type, row.accepted]))
  const wanted = search.trim().toLowerCase()
  const fits = (name: string, words: string): boolean =>
    (wanted === '' || `${name} ${words}`.toLowerCase().includes(wanted)) && (!onlySeen || accepted.has(name))
  const strangers = seen.filter(({ type, inCatalog }) => !inCatalog && fits(type, ''))
  const groups = picker
    .map((category) => ({
      category,
      channels: category.channels
        .map((channel) => ({
          channel,
          shown: channel.types.filter(({ name, title }) => fits(name, `${title} ${channel.title}`)),
        }))
        .filter(({ shown }) => shown.length > 0),
    }))
    .filter(({ channels }) => channels.length > 0)
  if (groups.length === 0 && strangers.length === 0)
    return (
      <div className={classes.channels}>
        <Empty title="No event type fits">Search for less, or show also what did not come in lately.</Empty>
      </div>
    )
  return (
    <div className={classes.channels}>
      {groups.map(({ category, channels }) => (
        <div key={category.category}>
          <div className={classes.category}>{category.title}</div>
          {channels.map(({ channel, shown }) => (
            <Channel
              key={channel.channel}
              category={category.title}
              channel={channel}
              shown={shown}
              open={wanted !== '' || open.has(keyOf(category, channel))}
              on={flowingIn(selection, category, channel)}
              accepted={accepted}
              toggle={() => setOpen(toggled(open, keyOf(category, channel)))}
              choose={(names) => onChange(withChannel(selection, picker, channel, names))}
            />
          ))}
        </div>
      ))}
      {strangers.length > 0 && (
        <div>
          <div className={classes.category}>Came in, and not in the catalog</div>
          {strangers.map(({ type, accepted: n, flows }) => (
            <div key={type} className={classes.row}>
              <Checkbox
                size="xs"
                aria-label={type}
                checked={flows}
                onChange={() => onChange(withType(selection, type, !flows))}
              />
              <span className={classes.rowName}>{type}</span>
              <span className={classes.rowNumbers}>{count(n)} in 24 h</span>
            </div>
          ))}
        </div>
      )}
    </div>
  )
}

/** A channel may stand in both categories. */
const keyOf = ({ category }: PickerCategory, { channel }: PickerChannel): string => `${category} ${channel}`

interface ChannelProps {
  /** Its title. */
  readonly category: string
  readonly channel: PickerChannel
  readonly shown: PickerChannel['types']
  readonly open: boolean
  /** Its types that flow. */
  readonly on: readonly string[]
  readonly accepted: ReadonlyMap<string, number>
  readonly toggle: () => void
  /** Exactly these types of the channel shall flow. */
  readonly choose: (names: ReadonlySet<string>) => void
}

function Channel({
  category,
  channel: { title, types },
  shown,
  open,
  on,
  accepted,
  toggle,
  choose,
}: ChannelProps) {
  const came = types.reduce((sum, { name }) => sum + (accepted.get(name) ?? 0), 0)
  return (
    <>
      <div className={classes.row}>
        <Checkbox
          size="xs"
          aria-label={`All of ${title} in ${category}`}
          checked={on.length === types.length}
          indeterminate={on.length > 0 && on.length < types.length}
          onChange={({ currentTarget }) =>
            choose(new Set(currentTarget.checked ? types.map(({ name }) => name) : []))
          }
        />
        <span className={classes.rowName}>{title}</span>
        <span className={classes.rowNumbers}>
          {came > 0 && <span>{count(came)} in 24 h</span>}
          <span>
            {on.length} of {types.length}
          </span>
        </span>
        <ActionIcon
          variant="subtle"
          size="sm"
          aria-label={`Types of ${title} in ${category}`}
          aria-expanded={open}
          onClick={toggle}
        >
          {open ? <ChevronDown size={15} aria-hidden /> : <ChevronRight size={15} aria-hidden />}
        </ActionIcon>
      </div>
      {open &&
        shown.map(({ name, title: typeTitle, about, status, inHttp }) => (
          <div key={name} className={classes.row} data-level="type">
            <Checkbox
              size="xs"
              aria-label={name}
              checked={on.includes(name)}
              onChange={() => choose(toggled(new Set(on), name))}
            />
            <span className={classes.rowName} title={about}>
              {typeTitle} <span className={classes.code}>{name}</span>
            </span>
            <span className={classes.rowNumbers}>
              {status === 'retired' && (
                <Badge size="xs" color="gray" variant="outline">
                  retired
                </Badge>
              )}
              {!inHttp && (
                <Badge size="xs" color="gray" variant="outline">
                  storage only
                </Badge>
              )}
              {accepted.has(name) && <span>{count(accepted.get(name) ?? 0)} in 24 h</span>}
            </span>
          </div>
        ))}
    </>
  )
}

function toggled(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(names)
  if (!next.delete(name)) next.add(name)
  return next
}
