import { expect, test } from 'vitest'
import { event } from '../../test/support/stack.ts'
import { apiPartsOf } from '../hub-api.ts'
import { startApi } from './api.fixture.ts'
import { Pulse } from './pulse.ts'

test('a beat tells of its moment, whatever comes after it', async () => {
  const stack = await startApi()
  const { hub, sandbox, access } = stack
  const pulse = new Pulse({ version: '0.0.0-test', ...apiPartsOf(hub, sandbox), access })
  const before = await pulse.beat()
  await stack.post([event('e1')])
  expect(before.sources).toMatchObject([{ counts: { accepted: 0 } }])
})
