/** Waiting for a level: asks again until it is reached, instead of sleeping for as long as it usually takes. */

const ASK_EVERY_MS = 10

export interface Patience {
  /** Real time, in milliseconds; default 10 s. Generous: it is only used up by a failing test. */
  readonly withinMs?: number
}

/**
 * Resolves with the first value of `look` that is neither false nor undefined nor null. Rejects after the time, naming `what`
 * was waited for and the last error of `look`, if it threw.
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  { withinMs = 10_000 }: Patience = {},
): Promise<Exclude<T, false | undefined | null>> {
  const until = performance.now() + withinMs
  let failure: unknown
  do {
    try {
      failure = undefined
      const seen = await look()
      if (seen !== false && seen !== undefined && seen !== null)
        return seen as Exclude<T, false | undefined | null>
    } catch (error) {
      failure = error
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
  } while (performance.now() < until)
  throw new Error(`Not within ${withinMs} ms: ${what}`, { cause: failure })
}
