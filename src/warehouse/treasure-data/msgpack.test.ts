import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Packable, Packer } from '../../sandbox/treasure-data-sql/msgpack.ts'
import { RowReader } from './msgpack.ts'

const rowsIn = (...pieces: Buffer[]) => {
  const reader = new RowReader()
  const rows = pieces.flatMap((piece) => {
    reader.push(piece)
    return reader.rows()
  })
  return { rows, isWithinRow: reader.isWithinRow }
}

describe('values, by the bytes of the MessagePack specification', () => {
  const cases: { hex: string; is: unknown }[] = [
    { hex: 'c0', is: null },
    { hex: 'c2', is: false },
    { hex: 'c3', is: true },
    { hex: '7f', is: 127 },
    { hex: 'e0', is: -32 },
    { hex: 'ccff', is: 255 },
    { hex: 'cdffff', is: 65_535 },
    { hex: 'ceffffffff', is: 4_294_967_295 },
    { hex: 'cf001fffffffffffff', is: 9_007_199_254_740_991 },
    { hex: 'cfffffffffffffffff', is: '18446744073709551615' },
    { hex: 'd080', is: -128 },
    { hex: 'd18000', is: -32_768 },
    { hex: 'd280000000', is: -2_147_483_648 },
    { hex: 'd38000000000000000', is: '-9223372036854775808' },
    { hex: 'ca3fc00000', is: 1.5 },
    { hex: 'cb3ff8000000000000', is: 1.5 },
    { hex: 'cb7ff0000000000000', is: 'Infinity' },
    { hex: 'cb7ff8000000000000', is: 'NaN' },
    { hex: 'a161', is: 'a' },
    { hex: 'd902c3a9', is: 'é' },
    { hex: 'da000161', is: 'a' },
    { hex: 'db0000000161', is: 'a' },
    { hex: 'c40161', is: 'a' },
    { hex: '9201c0', is: '[1,null]' },
    { hex: 'dc000101', is: '[1]' },
    { hex: 'dd00000001cfffffffffffffffff', is: '["18446744073709551615"]' },
    { hex: '81a16101', is: '{"a":1}' },
    { hex: 'de0001a1619102', is: '{"a":[2]}' },
  ]
  it.each(cases)('$hex', ({ hex, is }) => {
    expect(rowsIn(Buffer.from(`91${hex}`, 'hex'))).toEqual({ rows: [[is]], isWithinRow: false })
  })
})

it('gives rows as they become whole, wherever the bytes are cut', () => {
  const value: fc.Arbitrary<Packable> = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary', maxLength: 300 }),
  )
  fc.assert(
    fc.property(fc.array(fc.array(value, { maxLength: 20 }), { maxLength: 20 }), fc.nat(), (rows, seed) => {
      const packer = new Packer()
      for (const row of rows) packer.pack(row)
      const bytes = packer.take()
      const cut = bytes.length === 0 ? 0 : seed % bytes.length
      const expected = rows.map((row) => row.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell)))
      expect(rowsIn(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual({
        rows: expected,
        isWithinRow: false,
      })
    }),
  )
})

it('tells bytes that end within a row', () => {
  expect(rowsIn(Buffer.from('9101dc0002', 'hex'))).toEqual({ rows: [[1]], isWithinRow: true })
})

it.each([
  ['a value that is no row', '01'],
  ['a byte that begins no value', '91c1'],
  ['values nested without end', '91'.repeat(200)],
])('refuses %s', (_, hex) => {
  expect(() => rowsIn(Buffer.from(hex, 'hex'))).toThrow(/cannot be read/)
})
