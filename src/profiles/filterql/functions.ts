/** What functions of FilterQL give. Pure. */

const EARTH_KM = 6_371.0088

export interface Point {
  /** Degrees. */
  readonly latitude: number
  readonly longitude: number
}

/** `lat,lon` in degrees; undefined for anything else. */
export function pointOf(text: string): Point | undefined {
  const found = /^\s*([+-]?\d+(?:\.\d+)?)\s*,\s*([+-]?\d+(?:\.\d+)?)\s*$/.exec(text)
  if (found === null) return undefined
  const latitude = Number(found[1])
  const longitude = Number(found[2])
  return Math.abs(latitude) > 90 || Math.abs(longitude) > 180 ? undefined : { latitude, longitude }
}

/** Along the surface of a sphere. */
export function distanceKm(a: Point, b: Point): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180
  const haversine = (angle: number) => Math.sin(angle / 2) ** 2
  const h =
    haversine(radians(b.latitude - a.latitude)) +
    Math.cos(radians(a.latitude)) *
      Math.cos(radians(b.latitude)) *
      haversine(radians(b.longitude - a.longitude))
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** A number as text gives it; undefined where the text is no number. */
export function numberOf(text: string): number | undefined {
  if (!/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/.test(text)) return undefined
  const number = Number(text)
  return Number.isFinite(number) ? number : undefined
}

/** Whether a text matches a glob: `*` and `%` stand for anything, also nothing. Costs time in proportion to the text. */
export function globTest(glob: string): (text: string) => boolean {
  const [head = '', ...rest] = glob.split(/[*%]+/)
  const tail = rest.pop()
  if (tail === undefined) return (text) => text === head
  return (text) => {
    if (!text.startsWith(head) || text.length < head.length + tail.length) return false
    const end = text.length - tail.length
    let at = head.length
    for (const part of rest) {
      const found = text.indexOf(part, at)
      if (found === -1 || found + part.length > end) return false
      at = found + part.length
    }
    return text.endsWith(tail)
  }
}
