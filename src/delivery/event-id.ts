/** The `id` that an event's bytes name; '' when they name none: quarantined bytes need not even be JSON. */
export function eventIdOf(bytes: Buffer): string {
  try {
    const { id } = JSON.parse(bytes.toString()) as { id?: unknown }
    return typeof id === 'string' ? id : ''
  } catch {
    return ''
  }
}
