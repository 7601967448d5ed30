import { describe, expect, it } from 'vitest'
import { buildLoadBodies, createIdPatcher, type LoadBody } from './load.ts'

const build = (seed = 4) => buildLoadBodies({ seed, bodies: 30, eventsPerBody: 50 })

function idsOf({ body, idPositions }: LoadBody): readonly string[] {
  return [...idPositions].map((position) => body.toString('latin1', position, position + 36))
}

interface Parsed {
  readonly events: readonly { readonly id: string; readonly event_type: string }[]
}
const parse = ({ body }: LoadBody) => JSON.parse(body.toString()) as Parsed

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('load bodies', () => {
  it('hold events of one type each and say where the ids are', () => {
    for (const body of build()) {
      const { events } = parse(body)
      expect(events).toHaveLength(50)
      expect(new Set(events.map((event) => event.event_type))).toEqual(new Set([body.type]))
      expect(idsOf(body)).toEqual(events.map((event) => event.id))
      expect(body.count).toBe(50)
    }
  })

  it('hold events of about 0.9 KB', () => {
    const bodies = buildLoadBodies({ seed: 1, bodies: 200, eventsPerBody: 10 })
    const bytes = bodies.reduce((sum, { body }) => sum + body.length, 0) / 2000
    expect(bytes).toBeGreaterThan(800)
    expect(bytes).toBeLessThan(1000)
  })

  it('are the same for the same seed', () => {
    const bytes = (seed: number) => Buffer.concat(build(seed).map(({ body }) => body))
    expect(bytes(4).equals(bytes(4))).toBe(true)
    expect(bytes(4).equals(bytes(5))).toBe(false)
  })

  it('get new ids and nothing else from the patcher', () => {
    const bodies = build()
    const before = bodies.map((body) => ({ ids: idsOf(body), parsed: parse(body) }))
    const patch = createIdPatcher(9)
    const met = new Set(before.flatMap(({ ids }) => ids))
    for (let round = 0; round < 20; round++) {
      for (const body of bodies) {
        patch(body)
        for (const id of idsOf(body)) {
          expect(id).toMatch(UUID)
          met.add(id)
        }
      }
    }
    expect(met.size).toBe(21 * 30 * 50)
    for (const [i, body] of bodies.entries()) {
      const rest = ({ events }: Parsed) => events.map((event) => ({ ...event, id: '' }))
      expect(rest(parse(body))).toEqual(rest(before[i]?.parsed ?? { events: [] }))
    }
  })

  it('get other ids from a patcher of another seed', () => {
    const body = buildLoadBodies({ seed: 1, bodies: 1, eventsPerBody: 1000 })[0]
    if (body === undefined) throw new Error('no body')
    const met = new Set<string>()
    for (const seed of [1, 2, 3]) {
      createIdPatcher(seed)(body)
      for (const id of idsOf(body)) met.add(id)
    }
    expect(met.size).toBe(3000)
  })

  it.each([{ bodies: 0 }, { eventsPerBody: 0 }, { bodies: 1e9 }])('refuse %j', (wrong) => {
    expect(() => buildLoadBodies({ seed: 1, bodies: 1, eventsPerBody: 1, ...wrong })).toThrow(RangeError)
  })
})
