import { describe, expect, it } from 'vitest'
import { Arrivals } from './arrivals.ts'
import { BoundedFifo } from './fifo.ts'

describe('BoundedFifo', () => {
  it('drops the oldest beyond the count and says how many', () => {
    const fifo = new BoundedFifo<number>(3)
    for (let i = 0; i < 5000; i++) fifo.push(i)
    expect([...fifo]).toEqual([4997, 4998, 4999])
    expect(fifo.slice(1, 1)).toEqual([4998])
    expect({ total: fifo.total, dropped: fifo.dropped }).toEqual({ total: 5000, dropped: 4997 })
  })

  it('drops the oldest beyond the bytes, and an item larger than the bound at once', () => {
    const fifo = new BoundedFifo<string>(10, 100)
    fifo.push('a', 60)
    fifo.push('b', 60)
    expect({ items: [...fifo], bytes: fifo.bytes }).toEqual({ items: ['b'], bytes: 60 })
    fifo.push('c', 101)
    expect({ items: [...fifo], bytes: fifo.bytes, dropped: fifo.dropped }).toEqual({
      items: [],
      bytes: 0,
      dropped: 3,
    })
  })

  it('starts anew when cleared', () => {
    const fifo = new BoundedFifo<number>(1)
    fifo.push(1)
    fifo.push(2)
    fifo.clear()
    fifo.push(3)
    expect({ items: [...fifo], total: fifo.total, dropped: fifo.dropped }).toEqual({
      items: [3],
      total: 1,
      dropped: 0,
    })
  })
})

describe('Arrivals', () => {
  it('knows which ids came, how often, in which order, and which did not', () => {
    const arrivals = new Arrivals()
    for (const id of ['b', 'a', 'b']) arrivals.add(id)
    expect(arrivals.view()).toEqual({ ids: ['b', 'a', 'b'], total: 3, dropped: 0 })
    expect(arrivals.view(1, 1).ids).toEqual(['a'])
    expect(arrivals.counts()).toEqual(
      new Map([
        ['b', 2],
        ['a', 1],
      ]),
    )
    expect(arrivals.distinct()).toBe(2)
    expect(arrivals.missing(['a', 'c', 'd'])).toEqual(['c', 'd'])
  })

  it('keeps the newest within its bound and counts the others', () => {
    const arrivals = new Arrivals(2)
    for (const id of ['a', 'b', 'c']) arrivals.add(id)
    expect(arrivals.view()).toEqual({ ids: ['b', 'c'], total: 3, dropped: 1 })
  })
})
