/** Talks to the API of the hub that served this page, as whoever signed in. */

export interface ApiFailureBody {
  readonly code: string
  readonly message: string
  readonly details?: unknown
}

/** What the API refused, in its own words; status 0: there was no answer. */
export class ApiFailure extends Error {
  readonly status: number
  readonly code: string
  readonly details: unknown

  constructor(status: number, { code, message, details }: ApiFailureBody) {
    super(message)
    this.name = 'ApiFailure'
    this.status = status
    this.code = code
    this.details = details
  }
}

/** What stands behind the question mark; undefined, null and '' are left out, lists are joined by commas. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>

export interface Call {
  readonly query?: Query
  readonly body?: unknown
  readonly signal?: AbortSignal
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

const PREFIX = '/api/v1'

/** `path` begins after /api/v1; write parts of it with `at`. Throws ApiFailure. */
export async function call<Answer>(
  method: Method,
  path: string,
  { query, body, signal }: Call = {},
): Promise<Answer> {
  const response = await send(method, path, {
    ...(query === undefined ? {} : { query }),
    body,
    ...(signal ? { signal } : {}),
  })
  if (response.status === 204) return undefined as Answer
  return (await response.json()) as Answer
}

/** For answers that are not JSON: files and streams of lines. Throws ApiFailure unless the answer is 2xx. */
export async function send(
  method: Method,
  path: string,
  { query, body, signal }: Call = {},
): Promise<Response> {
  let response: Response
  try {
    response = await fetch(urlOf(path, query), {
      method,
      headers: {
        // A page of another origin cannot send this without being asked first: it tells our requests from forged ones.
        'x-thalweg-console': '1',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw new ApiFailure(0, {
      code: 'UNREACHABLE',
      message: 'The hub does not answer. Is it running? This page tries again by itself.',
    })
  }
  if (!response.ok) throw await failureOf(response)
  return response
}

export function urlOf(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue
    parameters.set(name, Array.isArray(value) ? value.join(',') : String(value))
  }
  const text = parameters.toString()
  return `${PREFIX}${path}${text === '' ? '' : `?${text}`}`
}

/** at`/currents/${name}/status`: the parts escaped. */
export function at(texts: TemplateStringsArray, ...parts: readonly (string | number)[]): string {
  return texts.reduce((path, text, i) => path + encodeURIComponent(parts[i - 1] ?? '') + text)
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text) as { error: ApiFailureBody }
    return new ApiFailure(response.status, error)
  } catch {
    return new ApiFailure(response.status, {
      code: 'ANSWER_STRANGE',
      message: `The hub answered ${response.status} without saying why: ${text.slice(0, 200)}`,
    })
  }
}
