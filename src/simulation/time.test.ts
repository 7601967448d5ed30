import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'
import { Draws, drawn } from './draws.ts'
import { Stillness } from './stillness.ts'
import { BEGIN_MS, LifeClock, WorldClock } from './time.ts'

test('time stands until files are written, turns are taken and the busy have ended', async () => {
  const stillness = new Stillness()
  const world = new WorldClock(stillness.reached)
  const file = join(await tempFolder(), 'x')
  const seen: string[] = []
  world.after(10, () => {
    void writeFile(file, 'one').then(() => seen.push(`file ${world.elapsedMs}`))
    setImmediate(() => setImmediate(() => seen.push(`turn ${world.elapsedMs}`)))
    void stillness.during(new Promise<void>((resolve) => setTimeout(resolve, 20))).then(() => {
      seen.push(`busy ${world.elapsedMs}`)
    })
  })
  world.after(10.5, () => seen.push('next'))
  await world.advance(1_000)
  expect(seen.at(-1)).toBe('next')
  expect(new Set(seen)).toEqual(new Set(['file 10', 'turn 10', 'busy 10', 'next']))
  expect(world.now()).toBe(BEGIN_MS + 1_000)
})

test('a life goes by a clock that may be wrong; after its end its alarms come at once while the world stands', async () => {
  const world = new WorldClock(new Stillness().reached)
  const life = new LifeClock(world, () => -5_000)
  expect(life.now()).toBe(BEGIN_MS - 5_000)
  const rung: string[] = []
  life.after(100, () => rung.push('early'))
  life.after(5_000, () => rung.push('pending'))
  const cancel = life.after(6_000, () => rung.push('cancelled'))
  await world.advance(1_000)
  expect(rung).toEqual(['early'])
  life.end()
  cancel()
  await life.sleep(86_400_000)
  expect(rung).toEqual(['early', 'pending'])
  await world.advance(10_000)
  expect(rung).toEqual(['early', 'pending'])
})

test('draws follow from seed, purpose and instant, whatever was drawn before', async () => {
  const world = new WorldClock(async () => undefined)
  const [a, b] = [new Draws(7, world), new Draws(7, world)]
  const first = a.next('x')
  b.next('y')
  expect(b.next('x')).toBe(first)
  expect(a.next('x')).not.toBe(first)
  await world.advance(1)
  expect(a.next('x')).not.toBe(first)
  expect(new Draws(8, world).next('x')).not.toBe(new Draws(7, world).next('x'))
  const many = Array.from({ length: 2_000 }, (_, i) => drawn(7, 'many', i))
  expect(Math.min(...many)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...many)).toBeLessThan(1)
  expect(many.reduce((sum, one) => sum + one, 0) / many.length).toBeCloseTo(0.5, 1)
})
