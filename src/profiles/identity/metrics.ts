/**
 * How well clusters of records (profiles) answer to labels (persons). The standard measures, each in one pass over the
 * records: what of two records of one cluster is of one person is precision, what of two records of one person is in one
 * cluster is recall.
 */

export interface Quality {
  readonly records: number
  readonly persons: number
  readonly clusters: number
  /** Over pairs of records: big clusters weigh most. */
  readonly pairwise: Accuracy
  /** Over records: each person's share weighs as their records do. */
  readonly bCubed: Accuracy
  /** Share of persons all of whose records are one cluster, and the whole of it. */
  readonly exact: number
  /** Variation of information, in bits: how mixed the clusters are, and how scattered the persons. */
  readonly mixed: number
  readonly scattered: number
  /** Share of clusters with two persons or more. */
  readonly overMerged: number
  /** Share of persons in two clusters or more. */
  readonly split: number
  readonly clusterMax: number
  readonly clusterP99: number
}

export interface Accuracy {
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

/** `records`: the person and the cluster of each. Without any, everything is right. */
export function qualityOf(
  records: Iterable<readonly [person: string | number, cluster: string | number]>,
): Quality {
  const persons = new Map<string | number, number>()
  const clusters = new Map<string | number, Map<string | number, number>>()
  let total = 0
  for (const [person, cluster] of records) {
    total++
    persons.set(person, (persons.get(person) ?? 0) + 1)
    const shares = clusters.get(cluster) ?? new Map<string | number, number>()
    if (shares.size === 0) clusters.set(cluster, shares)
    shares.set(person, (shares.get(person) ?? 0) + 1)
  }
  let [bothPairs, clusterPairs, precision, recall] = [0, 0, 0, 0]
  let [exact, mixed, scattered, overMerged] = [0, 0, 0, 0]
  const places = new Map<string | number, number>()
  const sizes: number[] = []
  for (const shares of clusters.values()) {
    const size = [...shares.values()].reduce((a, b) => a + b, 0)
    sizes.push(size)
    clusterPairs += pairsOf(size)
    if (shares.size > 1) overMerged++
    for (const [person, both] of shares) {
      const all = persons.get(person) ?? both
      places.set(person, (places.get(person) ?? 0) + 1)
      bothPairs += pairsOf(both)
      precision += both * (both / size)
      recall += both * (both / all)
      mixed -= (both / total) * Math.log2(both / size)
      scattered -= (both / total) * Math.log2(both / all)
      if (both === size && both === all) exact++
    }
  }
  const personPairs = [...persons.values()].reduce((sum, size) => sum + pairsOf(size), 0)
  const split = [...places.values()].filter((count) => count > 1).length
  sizes.sort((a, b) => a - b)
  return {
    records: total,
    persons: persons.size,
    clusters: clusters.size,
    pairwise: accuracyOf(share(bothPairs, clusterPairs), share(bothPairs, personPairs)),
    bCubed: accuracyOf(share(precision, total), share(recall, total)),
    exact: share(exact, persons.size),
    mixed,
    scattered,
    overMerged: clusters.size === 0 ? 0 : overMerged / clusters.size,
    split: persons.size === 0 ? 0 : split / persons.size,
    clusterMax: sizes.at(-1) ?? 0,
    clusterP99: sizes[Math.ceil(sizes.length * 0.99) - 1] ?? 0,
  }
}

function pairsOf(count: number): number {
  return (count * (count - 1)) / 2
}

/** Of nothing, all is right. */
function share(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole
}

function accuracyOf(precision: number, recall: number): Accuracy {
  return { precision, recall, f1: (2 * precision * recall) / (precision + recall) }
}
