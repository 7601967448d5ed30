/** Addresses of the API, for those who ask it. */

/** A path with its values percent-encoded: path`/currents/${name}`. */
export function path(words: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return words.reduce((text, word, i) => `${text}${encodeURIComponent(values[i - 1] ?? '')}${word}`)
}
