/** A write that fails stops the log: nothing is called durable that may not be, nothing is tried again, and what was durable can be read. */

import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { type DurableWrite, durableWrite } from '../../src/log/appender.ts'
import { openEmbeddedLog } from '../../src/log/embedded-log.ts'
import { appendFrame, readAll, textFrame } from '../support/log-frames.ts'
import { tempFolder } from '../support/temp.ts'

test('rejects everything that waits, takes nothing more, still reads; a restart goes on', async () => {
  const directory = await tempFolder()
  let broken = false
  let writes = 0
  const write: DurableWrite = (fd, buffers, position, done) => {
    writes++
    if (broken) setImmediate(() => done(Object.assign(new Error('i/o error'), { code: 'EIO' })))
    else durableWrite(fd, buffers, position, done)
  }
  const troubles: string[] = []
  const settings = { directory, clock: systemClock, segmentBytes: 65_536 }
  const log = await openEmbeddedLog({
    ...settings,
    durableWrite: write,
    onTrouble: ({ code }) => troubles.push(code),
  })
  await appendFrame(log, textFrame('kept'))
  broken = true
  writes = 0
  const doomed = [appendFrame(log, textFrame('a')), appendFrame(log, textFrame('b'))]
  const durable = log.durable()
  await new Promise((resolve) => setImmediate(resolve))
  doomed.push(appendFrame(log, textFrame('c')))
  for (const outcome of await Promise.allSettled([...doomed, durable])) {
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { code: 'LOG_STOPPED', cause: { code: 'EIO' } },
    })
  }
  expect(writes).toBe(1)
  expect(troubles).toEqual(['LOG_STOPPED'])
  expect(log.state).toBe('stopped')
  expect(log.head).toBe(1)
  expect(log.stats().waitingBytes).toBe(0)
  broken = false
  expect(() => appendFrame(log, textFrame('d'))).toThrow(expect.objectContaining({ code: 'LOG_STOPPED' }))
  await expect(log.durable()).rejects.toMatchObject({ code: 'LOG_STOPPED' })
  expect((await readAll(log)).records.map(({ text }) => text)).toEqual(['kept'])
  expect(writes).toBe(1)
  await log.close()

  const again = await openEmbeddedLog(settings)
  expect(await appendFrame(again, textFrame('later'))).toBe(1)
  expect((await readAll(again)).records.map(({ text }) => text)).toEqual(['kept', 'later'])
  await again.close()
})
