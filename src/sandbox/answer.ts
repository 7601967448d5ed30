/** What a double answers. The content type is application/json unless a header says otherwise. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** Events that this request brought in for good; default 0. */
  readonly accepted?: number
}

export function json(status: number, value: unknown): Answer {
  return { status, body: JSON.stringify(value) }
}

/** The value of a JSON text, or `undefined` when it is none (JSON itself has no undefined). */
export function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
