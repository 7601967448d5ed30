/** The program's first moments: senders are answered before the API is loaded, and whoever asks for the API gets it. */

import { once } from 'node:events'
import { expect, test } from 'vitest'
import { startProgram } from '../support/program.ts'
import { event, SOURCE, startStack, TOKEN } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

async function preparedFolder(): Promise<string> {
  const dataDir = await tempFolder()
  // Makes the source that the senders use.
  await (await startStack({ dataDir })).hub.close()
  return dataDir
}

test('doors and the API answer from the first moment on', { timeout: 60_000 }, async () => {
  const hub = await startProgram(await preparedFolder())
  const [taken, known, refused] = await Promise.all([
    fetch(`${hub.url}/currents/${SOURCE}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ events: [event('first')] }),
    }),
    fetch(`${hub.url}/readyz`),
    fetch(`${hub.url}/api/v1/currents`),
  ])
  expect([taken.status, known.status, refused.status]).toEqual([200, 200, 401])
})

test('a hub that is told to stop before its API is loaded ends in peace', { timeout: 60_000 }, async () => {
  const hub = await startProgram(await preparedFolder())
  hub.child.kill('SIGTERM')
  expect(await once(hub.child, 'exit')).toEqual([0, null])
})
