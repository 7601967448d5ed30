/** Two Segment currents on one source: Segment drops a message id it has seen anywhere, so ids carry the current and both are complete. */

import { expect, test } from 'vitest'
import { event, segment, startStack } from '../support/stack.ts'

test('both currents are complete despite the global dedupe, and a repeat of a batch is dropped', async () => {
  const stack = await startStack()
  const { sandbox } = stack
  const first = await stack.launch('first', segment(sandbox))
  const second = await stack.launch('second', segment(sandbox))
  const ids = Array.from({ length: 150 }, (_, i) => `e${i}`)
  await stack.post(ids.slice(0, 100).map((id) => event(id)))
  await stack.post(ids.slice(50).map((id) => event(id)))
  await stack.settled()

  const published = sandbox.segment.vendor.events()
  expect(published).toHaveLength(2 * ids.length)
  for (const { key } of [first, second]) {
    const mine = published.filter(({ messageId }) => messageId.endsWith(`:${key}`))
    expect(mine.map(({ messageId }) => messageId.slice(0, messageId.lastIndexOf(':'))).sort()).toEqual(
      ids.toSorted(),
    )
  }
  for (const { messageId } of published) expect(messageId.length).toBeLessThan(100)
})
