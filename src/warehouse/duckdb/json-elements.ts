/** The elements of a JSON array as they are written, without taking them apart: values keep their spelling. */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b])
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d])

/** `text` is a JSON array. */
export function elementsOf(text: string): string[] {
  const elements: string[] = []
  const begin = text.indexOf('[') + 1
  let start = begin
  let depth = 0
  let isText = false
  for (let at = begin; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (isText) {
      if (unit === BACKSLASH) at++
      else if (unit === QUOTE) isText = false
    } else if (unit === QUOTE) isText = true
    else if (OPENING.has(unit)) depth++
    else if (depth === 0 && (unit === COMMA || CLOSING.has(unit))) {
      const element = text.slice(start, at).trim()
      if (element !== '') elements.push(element)
      start = at + 1
    } else if (CLOSING.has(unit)) depth--
  }
  return elements
}
