import { describe, expect, test } from 'vitest'
import { identityOf, personOf } from './identity.ts'
import { bothKernels, bytesOf, headerOf, itemsOf, testKey, testOptions } from './kernel.fixture.ts'
import { DEPTH_MAX, ITEM_FAULT, ITEM_FAULTS, ITEM_TYPE, ITEM_WORDS, TYPE_OTHER } from './kernel.ts'

const bad = '\u{10ffff}'
const deep = (levels: number): string => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`

const shapes: [body: string, shape: string, items: string[]][] = [
  // empty
  ['', 'empty', []],
  [' \t\r\n', 'empty', []],
  ['\ufeff', 'empty', []],
  ['{}', 'empty', []],
  [' { } ', 'empty', []],
  ['[]', 'empty', []],
  ['{"events":[]}', 'empty', []],
  ['{"events" : [ ] , "a" : 1}', 'empty', []],
  ['[{"events":[]},{"events":[]}]', 'empty', []],
  // wrapped
  ['{"events":[{"a":1},{"b":[2]}]}', 'events', ['{"a":1}', '{"b":[2]}']],
  ['\ufeff{"events":[{"a":1}]}', 'events', ['{"a":1}']],
  [' { "events" : [ {"a":1} , {"b":2} ] } ', 'events', ['{"a":1}', '{"b":2}']],
  ['{"v":{"x":[1,"}"]},"events":[{"a":1}],"w":null}', 'events', ['{"a":1}']],
  ['{"events":[{"a":1}],"events":[{"b":2}]}', 'events', ['{"a":1}', '{"b":2}']],
  ['{"events":5,"events":[{"a":1}]}', 'events', ['{"a":1}']],
  ['{"ev\\u0065nts":[{"a":1}]}', 'events', ['{"a":1}']],
  ['[{"events":[{"a":1}]},{"events":[{"b":2}]}]', 'events', ['{"a":1}', '{"b":2}']],
  ['[{"events":[{"a":1}]},{"b":2}]', 'events', ['{"a":1}', '{"b":2}']],
  ['{"event_type":5,"events":[{"a":1}]}', 'events', ['{"a":1}']],
  ['{"events":[{}]}', 'events', ['{}']],
  ['{"events":[{"events":[{"a":1}]}]}', 'events', ['{"events":[{"a":1}]}']],
  // arrays of events
  ['[{"a":1},{"b":2}]', 'array', ['{"a":1}', '{"b":2}']],
  ['[{}]', 'array', ['{}']],
  ['[{"events":5}]', 'array', ['{"events":5}']],
  ['[{"event_type":"x","events":[{"a":1}]}]', 'array', ['{"event_type":"x","events":[{"a":1}]}']],
  ['[{"events":[{"a":1}],"event_type":"x"}]', 'array', ['{"events":[{"a":1}],"event_type":"x"}']],
  // bare
  ['{"a":1}', 'bare', ['{"a":1}']],
  ['\n{"a":1}\n', 'bare', ['{"a":1}']],
  ['{"events":{}}', 'bare', ['{"events":{}}']],
  ['{"events":[1],"event_type":"x"}', 'bare', ['{"events":[1],"event_type":"x"}']],
  ['{"event_type":"x","events":[1,', 'broken', []],
  ['{"event_type":"x","events":[{"a":1}]}', 'bare', ['{"event_type":"x","events":[{"a":1}]}']],
  ['{"a" 1}', 'bare', ['invalid_json {"a" 1}']],
  ['{"a":tru,"events":[{"b":1}]} ', 'bare', ['invalid_json {"a":tru,"events":[{"b":1}]}']],
  // not objects
  [
    '[1,"x",null,true,[2],-0.5e+3,{"a":1}]',
    'array',
    [
      'not_an_object 1',
      'not_an_object "x"',
      'not_an_object null',
      'not_an_object true',
      'not_an_object [2]',
      'not_an_object -0.5e+3',
      '{"a":1}',
    ],
  ],
  ['[5]', 'array', ['not_an_object 5']],
  // one bad item among good ones
  ['[{"a":1},{"b":},{"c":3}]', 'array', ['{"a":1}', 'invalid_json {"b":}', '{"c":3}']],
  ['[{"a":01},{"c":3}]', 'array', ['invalid_json {"a":01}', '{"c":3}']],
  ['[{"a":[1},{"c":3}]', 'array', ['invalid_json {"a":[1}', '{"c":3}']],
  ['[{"a":1]},{"c":3}]', 'array', ['invalid_json {"a":1]}', '{"c":3}']],
  ['[{"a":"}\\x"},{"c":3}]', 'array', ['invalid_json {"a":"}\\x"}', '{"c":3}']],
  [`[{"a":"${bad}"},{"c":3}]`, 'array', ['invalid_utf8 {"a":"\xff"}', '{"c":3}']],
  ['[{"a":"\n"},{"c":3}]', 'array', ['invalid_json {"a":"\n"}', '{"c":3}']],
  ['[[1,}],{"c":3}]', 'array', ['invalid_json [1,}]', '{"c":3}']],
  ['["\\x",{"c":3}]', 'array', ['invalid_json "\\x"', '{"c":3}']],
  ['[hello, {"c":3}]', 'array', ['invalid_json hello', '{"c":3}']],
  ['[hello "a,b" , {"c":3}]', 'array', ['invalid_json hello "a,b"', '{"c":3}']],
  ['[nul{"c":3}]', 'array', ['invalid_json nul', '{"c":3}']],
  ['{"events":[{"b":}],"x":1}', 'events', ['invalid_json {"b":}']],
  ['[{"events":[{"a":1},{"b"}]},{"c":3}]', 'events', ['{"a":1}', 'invalid_json {"b"}', '{"c":3}']],
  [
    `[{"a":1},${deep(DEPTH_MAX + 1)},{"c":3}]`,
    'array',
    ['{"a":1}', `too_deep ${deep(DEPTH_MAX + 1)}`, '{"c":3}'],
  ],
  [`[${deep(DEPTH_MAX)}]`, 'array', [deep(DEPTH_MAX)]],
  // a bad item that takes the rest with it
  ['[{"a":1},{"b":"x"y"},{"d":1}] ', 'array', ['{"a":1}', 'invalid_json {"b":"x"y"},{"d":1}]']],
  ['[{"a":1},{"b" 1} x,{"d":1}]', 'array', ['{"a":1}', 'invalid_json {"b" 1} x,{"d":1}]']],
  // truncated
  ['{"events":[{"a":1},{"b":"xy', 'events', ['{"a":1}', 'truncated {"b":"xy']],
  ['{"events":[{"a":1},{"b":tr', 'events', ['{"a":1}', 'truncated {"b":tr']],
  ['{"events":[{"a":1},', 'events', ['{"a":1}']],
  ['{"events":[{"a":1}', 'events', ['{"a":1}']],
  ['[{"a":1},5', 'array', ['{"a":1}', 'truncated 5']],
  ['[{"a":1},{"b":1 \n', 'array', ['{"a":1}', 'truncated {"b":1']],
  ['{"events":[{"a":1}],"x":"ab', 'events', ['{"a":1}', 'trailing_bytes "x":"ab']],
  // junk between and after
  ['[{"a":1}x,{"b":2}]', 'array', ['{"a":1}', 'trailing_bytes x', '{"b":2}']],
  ['[{"a":1} x "," y {"b":2}]', 'array', ['{"a":1}', 'trailing_bytes x "," y', '{"b":2}']],
  ['[{"a":1}] x', 'array', ['{"a":1}', 'trailing_bytes x']],
  ['{"a":1}\n{"b":2}\n', 'bare', ['{"a":1}', 'trailing_bytes {"b":2}']],
  ['{"events":[{"a":1}]}}', 'events', ['{"a":1}', 'trailing_bytes }']],
  ['{"events":[{"a":1}],x:1}', 'events', ['{"a":1}', 'trailing_bytes x:1']],
  ['[{"events":[{"a":1}] oops},{"b":2}]', 'events', ['{"a":1}', 'trailing_bytes oops', '{"b":2}']],
  // separators are forgiven
  ['[{"a":1} {"b":2}]', 'array', ['{"a":1}', '{"b":2}']],
  ['[,{"a":1},,{"b":2},]', 'array', ['{"a":1}', '{"b":2}']],
  ['{"events":[{"a":1},],}', 'events', ['{"a":1}']],
]

const broken: [body: string, fault: string, faultAt: number][] = [
  ['5', 'not_an_object', 0],
  [' "x"', 'not_an_object', 1],
  ['null', 'not_an_object', 0],
  ['true', 'not_an_object', 0],
  ['hello', 'invalid_json', 0],
  ['nulx', 'invalid_json', 3],
  ['tru', 'truncated', 3],
  ['-', 'truncated', 1],
  ['{', 'truncated', 1],
  ['[', 'truncated', 1],
  ['{"eve', 'truncated', 5],
  ['{"events":[', 'truncated', 11],
  ['{"events":[{"a":', 'truncated', 16],
  ['[7', 'truncated', 2],
  ['{"a":1', 'truncated', 6],
  ['{"a":"é'.slice(0, 6), 'truncated', 6],
  ['{"a" 1', 'invalid_json', 5],
  ['{"a" 1} x', 'invalid_json', 5],
  [`{"a":"${bad}`, 'invalid_utf8', 6],
  ['[] x', 'trailing_bytes', 3],
  ['{} {"a":1}', 'trailing_bytes', 3],
  ['<xml/>', 'invalid_json', 0],
  ['\u0000', 'invalid_json', 0],
]

const encode = (text: string): string => Buffer.from(text).toString('base64')
const uuid = 'f47ac10b-58cc-4372-a567-0e02b2c3d479'

describe.each(bothKernels())('%s', (_name, kernel) => {
  test.each(shapes)('%j', (text, shape, items) => {
    const body = bytesOf(text)
    const scan = kernel.scan(body)
    expect(itemsOf(body, scan)).toEqual(items)
    expect(scan).toMatchObject({
      shape,
      count: items.length,
      ...(shape === 'broken' ? {} : { fault: 'none' }),
    })
  })

  test.each(broken)('%j is broken', (text, fault, faultAt) => {
    expect(kernel.scan(bytesOf(text))).toMatchObject({ shape: 'broken', count: 0, fault, faultAt })
  })

  test('a multi-byte character cut by the end is a truncation', () => {
    const body = Buffer.from('[{"a":1},{"b":"€"}]')
    const cut = body.indexOf('€') + 2
    const scan = kernel.scan(body.subarray(0, cut))
    expect(itemsOf(body, scan).map((text) => text.split(' ')[0])).toEqual(['{"a":1}', 'truncated'])
    expect(headerOf(kernel, scan, 1).faultAt).toBe(cut)
  })

  test.each([
    ['overlong', 'c080'],
    ['overlong of three bytes', 'e09fbf'],
    ['overlong of four bytes', 'f08fbfbf'],
    ['surrogate', 'eda080'],
    ['beyond Unicode', 'f4908080'],
    ['lone continuation', '80'],
    ['broken continuation', 'e28228'],
    ['five bytes', 'f888808080'],
  ])('%s is invalid UTF-8', (_what, hex) => {
    const body = Buffer.concat([Buffer.from('[{"a":"'), Buffer.from(hex, 'hex'), Buffer.from('"},{}]')])
    const { items, count } = kernel.scan(body)
    expect(count).toBe(2)
    expect(ITEM_FAULTS[items[ITEM_FAULT] ?? 0]).toBe('invalid_utf8')
    expect(items[ITEM_WORDS + ITEM_FAULT]).toBe(0)
  })

  test.each([
    [
      'an event',
      { id: 'a', event_type: 't', user: { external_user_id: 'e', user_id: 'b' } },
      'a',
      'e',
      't',
      ['id', 'external', 'braze'],
    ],
    ['a UUID', { id: uuid }, uuid, '', '', ['id']],
    ['nothing', { other: 1 }, '', '', '', []],
    [
      'empty strings',
      { id: '', event_type: '', user: { external_user_id: '', user_id: '', device_id: '' } },
      '',
      '',
      '',
      [],
    ],
    [
      'wrong types',
      { id: 1, event_type: ['x'], user: { external_user_id: 5, user_id: null } },
      '',
      '',
      '',
      [],
    ],
    ['a user that is no object', { user: 'x' }, '', '', '', []],
    ['only a Braze id', { user: { user_id: 'b', device_id: 'd' } }, '', 'b', '', ['braze']],
    ['only a device', { user: { device_id: 'd' } }, '', 'd', '', []],
    ['an empty external id', { user: { external_user_id: '', device_id: 'd' } }, '', 'd', '', []],
    [
      'text beyond ASCII',
      { id: 'ü', event_type: '型', user: { external_user_id: '😀' } },
      'ü',
      '😀',
      '型',
      ['id', 'external'],
    ],
    [
      'keys elsewhere',
      { properties: { id: 'x', user: {} }, x: { user_id: 'y', event_type: 'z' } },
      '',
      '',
      '',
      [],
    ],
    ['a long type', { event_type: 'x'.repeat(256) }, '', '', 'x'.repeat(256), []],
  ])('header of %s', (_what, event, id, person, type, flags) => {
    const scan = kernel.scan(Buffer.from(JSON.stringify(event)))
    expect(headerOf(kernel, scan)).toEqual({
      id: id === '' ? [0, 0, 0, 0] : identityOf(id, testKey),
      person: person === '' ? 0 : personOf(person),
      type,
      flags,
      faultAt: 0,
    })
  })

  test.each<[what: string, message: object, id: string, person: string, flags: string[]]>([
    ['a user', { type: 't', messageId: 'm', userId: 'u' }, 'm', 'u', ['id', 'external']],
    [
      'a user with both ids',
      { type: 't', messageId: uuid, userId: 'u', anonymousId: 'a' },
      uuid,
      'u',
      ['id', 'external', 'braze'],
    ],
    ['an anonymous user', { type: 't', anonymousId: 'a' }, '', 'a', ['braze']],
    ['empty ids', { type: 't', messageId: '', userId: '', anonymousId: '' }, '', '', []],
    ['ids of wrong types', { type: 't', messageId: 5, userId: 7, anonymousId: null }, '', '', []],
    ['words of Currents', { type: 't', id: 'x', user: { external_user_id: 'y' } }, '', '', []],
  ])('header in the words of Segment: %s', (_what, message, id, person, flags) => {
    const scan = kernel.scan(Buffer.from(`{"sentAt":"x","batch":[${JSON.stringify(message)}]}`), 'segment')
    expect(scan.shape).toBe('events')
    expect(headerOf(kernel, scan)).toEqual({
      id: id === '' ? [0, 0, 0, 0] : identityOf(id, testKey),
      person: person === '' ? 0 : personOf(person),
      type: 't',
      flags,
      faultAt: 0,
    })
  })

  test('a scan in the words of Segment leaves none of them for the next', () => {
    kernel.scan(Buffer.from('{"batch":[{"messageId":"m"}]}'), 'segment')
    expect(headerOf(kernel, kernel.scan(Buffer.from('{"messageId":"m"}'))).flags).toEqual([])
  })

  test.each([
    ['an escaped key at the top', '{"\\u0069d":"a"}', { id: 'a' }],
    ['an escape in a key that does not matter', '{"a\\nb":1,"id":"a"}', { id: 'a' }],
    ['an escaped key in user', '{"user":{"device\\u005fid":"d"}}', { person: 'd' }],
    ['an escaped key in properties', '{"properties":{"\\"":1}}', {}],
    ['an escaped id', '{"id":"a\\n\\ud83d\\ude00\\u00e9\\/\\""}', { id: 'a\n😀é/"' }],
    ['an escaped UUID', `{"id":"\\u0066${uuid.slice(1)}"}`, { id: uuid }],
    ['half a pair', '{"id":"\\ud83dx"}', { id: '\ufffdx' }],
    ['an escaped type', '{"event_type":"\\b\\f\\r\\t\\\\"}', { type: '\b\f\r\t\\' }],
    ['an escaped external id', '{"user":{"external_user_id":"\\u20ac"}}', { person: '€' }],
    ['a second id', '{"id":"a","id":"b"}', { id: 'b' }],
    ['a second id that is no string', '{"id":"a","id":5}', {}],
    ['a second type', '{"event_type":"a","event_type":"b"}', { type: 'b' }],
    ['a second user', '{"user":{"user_id":"a"},"user":{"device_id":"b"}}', { person: 'b' }],
    ['a second user that is no object', '{"user":{"user_id":"a"},"user":1}', {}],
    ['a second key in user', '{"user":{"user_id":"a","user_id":"b"}}', { person: 'b' }],
  ])('%s is odd', (_what, text, expected: { id?: string; person?: string; type?: string }) => {
    const header = headerOf(kernel, kernel.scan(Buffer.from(text)))
    expect(header.flags).toContain('odd')
    expect(header).toMatchObject({
      id: expected.id === undefined ? [0, 0, 0, 0] : identityOf(expected.id, testKey),
      person: expected.person === undefined ? 0 : personOf(expected.person),
      type: expected.type ?? '',
    })
  })

  test.each([
    ['an escape in another value', '{"a":"\\n","properties":{"b":"\\u0041"},"user":{"timezone":"\\t"}}'],
    ['an escaped key further down', '{"properties":{"a":{"\\n":1}},"x":{"\\n":1}}'],
    ['a second key that does not matter', '{"a":1,"a":2,"properties":{"b":1,"b":2}}'],
  ])('%s is not odd', (_what, text) => {
    expect(headerOf(kernel, kernel.scan(Buffer.from(text))).flags).toEqual([])
  })

  test('a type keeps its number, and a name of more than 256 bytes has none', () => {
    const scan = (type: string): number | undefined =>
      kernel.scan(Buffer.from(JSON.stringify({ event_type: type }))).items[ITEM_TYPE]
    const one = scan('type one')
    expect(scan('type two')).not.toBe(one)
    expect(scan('type one')).toBe(one)
    expect(scan('é'.repeat(129))).toBe(TYPE_OTHER)
    expect(kernel.types[one ?? -1]).toBe('type one')
  })

  test('says where the first item too many starts, and takes exactly as many as allowed', () => {
    const { itemsMax } = testOptions
    const body = (count: number): Buffer => Buffer.from(`[${'{},'.repeat(count)}]`)
    expect(kernel.scan(body(itemsMax)).count).toBe(itemsMax)
    expect(() => kernel.scan(body(itemsMax + 2))).toThrow(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        message: expect.stringContaining(`${itemsMax} items`),
      }),
    )
    expect(() => kernel.scan(body(itemsMax + 2))).toThrow(`byte ${1 + itemsMax * 3}`)
  })

  test('refuses a body beyond the bound', () => {
    expect(() => kernel.scan(new Uint8Array(testOptions.bodyBytesMax + 1))).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    )
  })

  test('large bodies, and small ones after them', () => {
    const event = JSON.stringify({ id: uuid, properties: { text: 'ü'.repeat(500_000) } })
    const body = Buffer.from(`{"events":[${event},{"id":"\\u0061"},${event}]}`)
    expect(itemsOf(body, kernel.scan(body)).map((text) => text.length)).toEqual([
      event.length + 500_000,
      15,
      event.length + 500_000,
    ])
    expect(kernel.scan(Buffer.from('{"events":[{}]}')).count).toBe(1)
  })

  test('bodies that nest, repeat and never close take linear time', () => {
    const bodies = [
      '[',
      '{"a":',
      '[{"events":[',
      '{',
      'x{',
      '"',
      '[{"a":1}x',
      '{"events":[{"a":1}],',
      '[{"a":[',
    ]
    for (const piece of bodies) {
      for (const first of ['', '[', '{"events":[']) {
        const body = Buffer.from(first + piece.repeat(100_000 / piece.length))
        const startedAt = performance.now()
        try {
          kernel.scan(body)
        } catch (error) {
          expect(error).toMatchObject({ code: 'INPUT_INVALID' })
        }
        expect(performance.now() - startedAt, encode(piece)).toBeLessThan(2000)
      }
    }
  })
})

test('more types than the kernel keeps share one number', () => {
  for (const [, kernel] of bothKernels()) {
    const types = Array.from({ length: 9000 }, (_, i) => `{"event_type":"type ${i}"}`)
    const { items } = kernel.scan(Buffer.from(`[${types.join()}]`))
    expect(items[8189 * ITEM_WORDS + ITEM_TYPE]).toBe(8190)
    expect(items[8190 * ITEM_WORDS + ITEM_TYPE]).toBe(TYPE_OTHER)
    expect(kernel.types.length).toBe(TYPE_OTHER)
    expect(kernel.types[8190]).toBe('type 8189')
    const again = kernel.scan(Buffer.from('{"event_type":"type 5"}'))
    expect(kernel.types[again.items[ITEM_TYPE] ?? 0]).toBe('type 5')
  }
})
