/** Randomness as a dependency: seeded where a run must be repeatable, the platform's otherwise. */

export type Random = () => number

/** sfc32: small, fast, passes PractRand; the same seed gives the same numbers on every platform. */
export function seededRandom(seed: number): Random {
  let a = seed | 0
  let b = 0x9e3779b9
  let c = 0x243f6a88
  let counter = 1
  const next: Random = () => {
    const t = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return (t >>> 0) / 4294967296
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

export const systemRandom: Random = Math.random
