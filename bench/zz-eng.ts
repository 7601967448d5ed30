import { mkdtempSync, rmSync } from 'node:fs'
import { systemClock } from '../src/core/clock.ts'
import { Doctrine } from '../src/profiles/doctrine.ts'
import { ProfileEngine } from '../src/profiles/engine/engine.ts'
import { defaultSchema } from '../src/profiles/mapping/default-schema.ts'
import { PROFILE_PLAN } from '../src/store/migrate.ts'
import { openStore } from '../src/store/store.ts'

const dir = mkdtempSync('/tmp/eng-')
const store = await openStore(`sqlite:${dir}/p.db`, {
  clock: systemClock,
  plan: PROFILE_PLAN,
  cacheBytes: 134217728,
})
const d = new Doctrine({
  schemaVersion: 0,
  schema: defaultSchema(),
  sources: [{ number: 1, name: 'lytics', kind: 'lytics' }],
})
const e = await ProfileEngine.open(store, d, 0)
const N = 100_000,
  S = Number(process.env.S ?? 4000)
for (let round = 0; round < 2; round++) {
  const t0 = performance.now(),
    c0 = process.cpuUsage()
  for (let i = 0; i < N; i += S) {
    const records = []
    for (let j = i; j < Math.min(N, i + S); j++) {
      const n = (j * 7919) % N
      const fields = {
        external_id: `user-${n}`,
        braze_id: `5${n.toString(16).padStart(23, '0')}`,
        email: `person${n}@mail.example.com`,
        first_name: 'Ada',
        last_name: `Person ${n}`,
        city: 'Berlin',
        country: 'DE',
        gender: 'F',
        language: 'de',
        phone_number: `+4915${1e8 + n}`,
        time_zone: 'Europe/Berlin',
        date_of_birth: '1990-01-12',
      }
      records.push({
        offset: round * N + j,
        receivedAt: Date.now(),
        source: 1,
        type: 'lytics.braze_users',
        bytes: Buffer.from(JSON.stringify({ id: 'x', stream: 'braze_users', line: j, fields })),
      })
    }
    const from = round * N + i
    await e.apply({ from, to: from + records.length, records }, Date.now())
  }
  const c = process.cpuUsage(c0)
  console.log(
    `${Math.round((N / (performance.now() - t0)) * 1000)} rec/s cpu ${(c.user + c.system) / N} µs user ${c.user / N} rss ${(process.memoryUsage.rss() / 1048576) | 0}`,
  )
}
const p = (await e.people.after(0, 1))[0]
console.log(JSON.stringify(p), JSON.stringify(p).length)
await store.close()
rmSync(dir, { recursive: true })
