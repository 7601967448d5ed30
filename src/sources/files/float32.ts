/** Single-precision numbers in the fewest decimal digits that give the same single again: 3.14, not 3.140000104904175. */

/** Nine digits tell every single from its neighbours. */
const DIGITS_MAX = 9
const REMEMBERED_MAX = 4096

const remembered = new Map<number, string>()

/** JSON text; what JSON has no number for (NaN, infinities) is a string. */
export function float32Text(single: number): string {
  const known = remembered.get(single)
  if (known !== undefined) return known
  const text = Number.isFinite(single) ? shortest(single) : `"${single}"`
  // Prices and places repeat.
  if (remembered.size >= REMEMBERED_MAX) remembered.clear()
  remembered.set(single, text)
  return text
}

function shortest(single: number): string {
  if (Number.isInteger(single) && Math.abs(single) < 1e7) return String(single)
  for (let digits = 1; digits < DIGITS_MAX; digits++) {
    const decimal = Number(single.toPrecision(digits))
    if (Math.fround(decimal) === single) return String(decimal)
  }
  return String(Number(single.toPrecision(DIGITS_MAX)))
}
