/** The value of a JSON text; undefined when it is none (JSON itself has no undefined). */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
