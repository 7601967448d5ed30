/** The straight line with the least squares through some points. */

export type Point = readonly [x: number, y: number]

export interface Line {
  readonly slope: number
  /** Where x is 0. */
  readonly start: number
}

export function lineThrough(points: readonly Point[]): Line {
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)]
  const slope = mean(([x, y]) => (x - meanX) * (y - meanY)) / mean(([x]) => (x - meanX) ** 2)
  return { slope, start: meanY - slope * meanX }
}
