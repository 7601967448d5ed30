/** JSON on several lines, token by token: a number keeps the digits it was written with, which parsing and writing it anew would change. */

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** The text as it is when it is no JSON. */
export function pretty(text: string): string {
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  const tokens = text.match(TOKENS) ?? []
  let depth = 0
  let result = ''
  tokens.forEach((token, i) => {
    const before = tokens[i - 1]
    const next = tokens[i + 1]
    const opens = token === '{' || token === '['
    const closes = token === '}' || token === ']'
    if (closes) {
      depth--
      if (before !== '{' && before !== '[') result += newLine(depth)
    }
    result += token
    if (opens) {
      depth++
      if (next !== '}' && next !== ']') result += newLine(depth)
    } else if (token === ',') result += newLine(depth)
    else if (token === ':') result += ' '
  })
  return result
}

const newLine = (depth: number): string => `\n${'  '.repeat(depth)}`
