import { Modal } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import classes from './cell-view.module.css'
import { JsonView } from './json-view.tsx'

/** Longer texts are cut in the grid, and opened whole. */
const SHORT_CHARS = 60

/** One cell of a result: NULL as such, JSON and long texts to be opened. */
export function CellView({ value, column }: { value: null | boolean | number | string; column: string }) {
  if (value === null) return <span className={classes.null}>NULL</span>
  if (typeof value !== 'string' || (value.length <= SHORT_CHARS && !isJson(value))) return String(value)
  return <Whole value={value} column={column} />
}

function Whole({ value, column }: { value: string; column: string }) {
  const [opened, { open, close }] = useDisclosure(false)
  return (
    <>
      <button
        type="button"
        className={classes.whole}
        aria-haspopup="dialog"
        title={`Open ${column}`}
        onClick={open}
      >
        {value.slice(0, 4 * SHORT_CHARS)}
      </button>
      <Modal opened={opened} onClose={close} title={column} size="lg">
        <JsonView value={indented(value)} label={column} />
      </Modal>
    </>
  )
}

/** JSON with numbers that a double does not hold stays as it is written. */
function indented(text: string): unknown {
  return isJson(text) && !/\d{16}/.test(text) ? JSON.parse(text) : text
}

function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
