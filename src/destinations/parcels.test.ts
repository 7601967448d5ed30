import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Fault, FaultKind } from '../core/fault.ts'
import { DELIVERED, failed, skipped } from '../core/receipt.ts'
import { type ParcelLimits, parcelsOf, type Receipts, sendParcels, settled } from './parcels.ts'
import { batchOf, outcomes, rehearse, reply } from './rehearsal.fixture.ts'

const tooLarge = (bytes: number): Fault => ({ kind: 'oversized', message: `${bytes}` })
const WIDE: ParcelLimits = { recordsMax: 100, recordBytesMax: 1000, bytesMax: 1000 }

/** Records of the given sizes in bytes. */
function laidOf(sizes: readonly number[]) {
  return batchOfTexts(sizes.map((size) => `"${'x'.repeat(size - 2)}"`))
}

function batchOfTexts(texts: readonly string[]) {
  const { joined, starts, ends, count } = batchOf(texts.map((text) => `{"v":${text}}`))
  // Only the values: the brackets between them make records that do not lie joined.
  return {
    bytes: joined,
    starts: starts.map((start) => start + 5),
    ends: ends.map((end) => end - 1),
    count,
  }
}

function cut(
  sizes: readonly number[],
  limits: Partial<ParcelLimits>,
  receipts: Receipts = new Array(sizes.length),
) {
  const parcels = parcelsOf(laidOf(sizes), { ...WIDE, ...limits }, receipts, tooLarge)
  return { parcels, receipts, lengths: parcels.map((parcel) => Buffer.concat(parcel.pieces).length) }
}

describe('parcels', () => {
  it.each([
    ['everything in one', [10, 10, 10], {}, [32]],
    ['by count', [10, 10, 10], { recordsMax: 2 }, [21, 10]],
    ['by bytes, comma included', [10, 10, 10], { bytesMax: 21 }, [21, 10]],
    ['by bytes, one short', [10, 10, 10], { bytesMax: 20 }, [10, 10, 10]],
    ['without a record that is too large', [10, 50, 10], { recordBytesMax: 49 }, [21]],
    ['without a record that no request can hold', [10, 50, 10], { bytesMax: 49 }, [21]],
    ['nothing when nothing fits', [50], { bytesMax: 49 }, []],
  ])('cuts: %s', (_name, sizes, limits, lengths) => {
    expect(cut(sizes, limits).lengths).toEqual(lengths)
  })

  it('gives a record that is too large its receipt', () => {
    const { receipts } = cut([10, 50, 10], { recordBytesMax: 49 })
    expect(receipts[1]).toEqual(failed({ kind: 'oversized', message: '50' }))
    expect(receipts[0]).toBeUndefined()
  })

  it('leaves out records that have a receipt', () => {
    const receipts: Receipts = [undefined, skipped('x'), undefined]
    const { parcels } = cut([10, 12, 14], {}, receipts)
    expect(parcels.map(({ from, to, count }) => [from, to, count])).toEqual([[0, 3, 2]])
  })

  it('keeps records that lie joined in one piece, and joins the others', () => {
    const { joined, starts, ends } = batchOf([{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }])
    const laid = { bytes: joined, starts, ends, count: 4 }
    const receipts: Receipts = [undefined, undefined, skipped('x'), undefined]
    const [parcel] = parcelsOf(laid, WIDE, receipts, tooLarge)
    expect(parcel?.pieces.map((piece) => Buffer.from(piece).toString())).toEqual([
      '{"a":1},{"a":2}',
      ',',
      '{"a":4}',
    ])
    expect(parcel?.pieces[0]?.buffer).toBe(joined.buffer)
  })

  it('holds its limits and loses no record, whatever the sizes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 60 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 2, max: 120 }),
        (sizes, recordsMax, bytesMax) => {
          const { parcels, receipts, lengths } = cut(sizes, { recordsMax, bytesMax })
          expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(bytesMax)
          expect(Math.max(0, ...parcels.map((parcel) => parcel.count))).toBeLessThanOrEqual(recordsMax)
          const sent = parcels.reduce((sum, parcel) => sum + parcel.count, 0)
          expect(sent + receipts.filter((receipt) => receipt !== undefined).length).toBe(sizes.length)
        },
      ),
      { seed: 1001, numRuns: 200 },
    )
  })
})

describe('sending parcels', () => {
  const statuses: Record<number, FaultKind | undefined> = {
    200: undefined,
    400: 'invalid',
    413: 'oversized',
    429: 'throttled',
    403: 'unauthorized',
    500: 'unavailable',
  }

  function send(answers: readonly number[]) {
    const sizes = [10, 10, 10]
    const { parcels, receipts } = cut(sizes, { recordsMax: 1 })
    const { requests } = rehearse(
      sendParcels(parcels, receipts, {
        request: (parcel) => ({
          method: 'POST',
          url: 'http://vendor.test/',
          headers: {},
          body: parcel.pieces,
          secrets: [],
        }),
        faultOf: ({ status }) => {
          const kind = statuses[status]
          return kind === undefined ? undefined : { kind, message: 'no', status }
        },
      }),
      answers.map((status) => reply(status)),
    )
    return { sent: requests.length, outcomes: outcomes(settled(receipts)) }
  }

  it.each([
    [[200], 3, ['delivered', 'delivered', 'delivered']],
    [[200, 400, 200], 3, ['delivered', 'failed:invalid', 'delivered']],
    [[413, 200, 200], 3, ['failed:oversized', 'delivered', 'delivered']],
    [[200, 429], 2, ['delivered', 'failed:throttled', 'failed:throttled']],
    [[403], 1, ['failed:unauthorized', 'failed:unauthorized', 'failed:unauthorized']],
    [[200, 500], 2, ['delivered', 'failed:unavailable', 'failed:unavailable']],
  ])('answers %j', (answers, sent, expected) => {
    expect(send(answers)).toEqual({ sent, outcomes: expected })
  })

  it('calls a missing receipt our defect, never a delivery', () => {
    const { parcels, receipts } = cut([10, 10], {})
    rehearse(
      sendParcels(parcels, receipts, {
        request: () => ({ method: 'POST', url: 'http://vendor.test/', headers: {}, secrets: [] }),
        faultOf: () => undefined,
        receiptsOf: () => [DELIVERED],
      }),
      [reply(200)],
    )
    expect(outcomes(settled(receipts))).toEqual(['delivered', 'failed:defect'])
    expect(outcomes(settled([undefined]))).toEqual(['failed:defect'])
  })
})
