/** Real time that passes faster: what waits for seconds waits for milliseconds. For tests over real sockets and processes. */

import { type Clock, systemClock } from '../../src/core/clock.ts'

export function hurriedClock(times: number): Clock {
  const began = systemClock.now()
  return {
    now: () => began + (systemClock.now() - began) * times,
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
    after: (ms, task) => systemClock.after(ms / times, task),
  }
}
