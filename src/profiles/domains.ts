/** Addresses and the domains in them, for mappings and rules alike. */

/** Of an address with or without its scheme; undefined when it is none. */
export function urlFrom(text: string): URL | undefined {
  const trimmed = text.trim()
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed.replace(/^\/\//, '')}`
  return URL.parse(whole) ?? undefined
}

/** What URL reads as its host without changing a letter, told without making one: rules ask for it of everybody. */
const PLAIN_HOST =
  /^\s*(?:https?:\/\/)?(?:[a-z0-9._+-]+@)?((?:[a-z0-9][a-z0-9-]*\.)+[a-z][a-z0-9-]*)(?::\d{1,4})?(?:[/?#][\w/?#&=.-]*)?$/

/** Of an address with or without its scheme, or of an address of mail; undefined when it is none. */
export function hostOf(text: string): string | undefined {
  const plain = PLAIN_HOST.exec(text)?.[1]
  return plain === undefined || plain.includes('xn--') ? urlFrom(text)?.hostname : plain
}

/** `co.uk`, `com.au`: under these a name is bought. */
const SECOND_LEVEL = new Set(['ac', 'co', 'com', 'edu', 'gov', 'net', 'org', 'ne', 'or'])

/** The name that is bought, with nothing below it: of `www.example.co.uk` it is `example.co.uk`. */
export function domainOf(host: string): string {
  const top = host.lastIndexOf('.')
  const second = dotBefore(host, top)
  const isSecondLevel = host.length - top === 3 && SECOND_LEVEL.has(host.slice(second + 1, Math.max(0, top)))
  return host.slice((isSecondLevel ? dotBefore(host, second) : second) + 1)
}

/** -1: there is none. */
function dotBefore(host: string, at: number): number {
  return at <= 0 ? -1 : host.lastIndexOf('.', at - 1)
}
