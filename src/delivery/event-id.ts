/** The `id` (of a Segment message: the `messageId`) that an event's bytes name; '' when they name none: quarantined bytes need not even be JSON. */
export function eventIdOf(bytes: Buffer): string {
  try {
    const { id, messageId } = JSON.parse(bytes.toString()) as { id?: unknown; messageId?: unknown }
    if (typeof id === 'string') return id
    return typeof messageId === 'string' ? messageId : ''
  } catch {
    return ''
  }
}
