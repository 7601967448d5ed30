/** A hub's API as a program of somebody's calls it: with a token, over HTTP. */

/** Gives the JSON of the answer, undefined where there is none. Throws what is not a success. */
// biome-ignore lint/suspicious/noExplicitAny: its callers read answers of every shape
export type CallApi = (method: string, path: string, body?: unknown) => Promise<any>

/** `url`: of the hub. Paths begin behind `/api/v1`. */
export function apiOf(url: string, token: string): CallApi {
  return async (method, path, body) => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}
