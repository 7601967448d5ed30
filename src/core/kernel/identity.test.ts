import { describe, expect, test } from 'vitest'
import { createKernel } from './create.ts'
import { identityOf, murmur3, personOf, siphash128 } from './identity.ts'
import { ITEM_ID, ITEM_PERSON } from './kernel.ts'

const key = Uint8Array.from({ length: 16 }, (_, i) => i)
const encoder = new TextEncoder()

describe('published vectors', () => {
  // github.com/veorq/SipHash, vectors.h, vectors_sip128: key 00 … 0f, input 00, 00 01, …
  test.each([
    [0, 'a3817f04ba25a8e66df67214c7550293'],
    [1, 'da87c1d86b99af44347659119b22fc45'],
    [2, '8177228da4a45dc7fca38bdef60affe4'],
  ])('SipHash-2-4-128 of %i bytes', (length, expected) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i)
    expect(Buffer.from(Uint32Array.from(siphash128(bytes, key)).buffer).toString('hex')).toBe(expected)
  })

  test.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
  ])('MurmurHash3 of %j', (text, seed, expected) => {
    expect(murmur3(encoder.encode(text), seed)).toBe(expected)
  })
})

describe('identityOf', () => {
  test('a lower-case UUID is its own identity', () => {
    expect(identityOf('f47ac10b-58cc-4372-a567-0e02b2c3d479', key)).toEqual([
      0xf47ac10b, 0x58cc4372, 0xa5670e02, 0xb2c3d479,
    ])
  })

  test('nothing has the identity that means "no id"', () => {
    const nil = identityOf('00000000-0000-0000-0000-000000000000', key)
    expect(nil.some((word) => word !== 0)).toBe(true)
  })

  test('other texts are told apart under the key', () => {
    const ids = ['a', 'b', '', 'F47AC10B-58CC-4372-A567-0E02B2C3D479', 'f47ac10b-58cc-4372-a567-0e02b2c3d479']
    expect(new Set(ids.map((id) => identityOf(id, key).join())).size).toBe(ids.length)
    expect(identityOf('a', key)).not.toEqual(identityOf('a', new Uint8Array(16)))
  })
})

// What is on disk must be found again by whatever wrote it.
const ids = [
  'f47ac10b-58cc-4372-a567-0e02b2c3d479',
  '00000000-0000-0000-0000-000000000000',
  'F47AC10B-58CC-4372-A567-0E02B2C3D479',
  'f47ac10b-58cc-4372-a567-0e02b2c3d47g',
  'f47ac10b-58cc-4372-a567_0e02b2c3d479',
  'f47ac10b-58cc-4372-a567-0e02b2c3d4790',
  'é'.repeat(18),
  ...Array.from({ length: 40 }, (_, length) =>
    'abcdefgh01234567890123456789xyzüöäÄÖÜ㍿ßß'.slice(0, length + 1),
  ),
]

test.each(ids)('the WASM kernel agrees about %j', (id) => {
  const kernel = createKernel({ bodyBytesMax: 1000, itemsMax: 10, key })
  const { items } = kernel.scan(encoder.encode(JSON.stringify({ id, user: { user_id: id } })))
  expect([...items.subarray(ITEM_ID, ITEM_ID + 4)]).toEqual(identityOf(id, key))
  expect(items[ITEM_PERSON]).toBe(personOf(id))
})
