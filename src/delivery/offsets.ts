/** Ascending offsets as bytes: the first is kept beside them, each further one as a varint of its distance to the one before. */

export function encodeOffsets(offsets: Float64Array): Uint8Array {
  const bytes: number[] = []
  for (let i = 1; i < offsets.length; i++) {
    let distance = (offsets[i] ?? 0) - (offsets[i - 1] ?? 0)
    while (distance >= 0x80) {
      bytes.push((distance % 0x80) | 0x80)
      distance = Math.floor(distance / 0x80)
    }
    bytes.push(distance)
  }
  return Uint8Array.from(bytes)
}

export function decodeOffsets(first: number, bytes: Uint8Array): number[] {
  const offsets = [first]
  let at = first
  let distance = 0
  let weight = 1
  for (const byte of bytes) {
    distance += (byte & 0x7f) * weight
    if (byte >= 0x80) {
      weight *= 0x80
      continue
    }
    at += distance
    offsets.push(at)
    distance = 0
    weight = 1
  }
  return offsets
}
