import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../../test/support/store.ts'
import { erasureBook, STRANGER, WHO } from './parts.fixture.ts'
import { PART_STEPS, type Step } from './steps.ts'

const SIGN = () => ({ addendum: '{"said":"later"}', signature: 'signed' })
const NEVER = () => {
  throw new Error('there is nothing to add to a receipt that is not signed')
}
const receipt = () => ({ receipt: '{}', signature: 'signed' })

describe.each(DIALECTS)('parts on %s', (dialect) => {
  test('a step is due when the erasure has come to it, each once, and who is meant is forgotten at the end', async () => {
    const { parts, begun, reach, sealed } = await erasureBook(dialect)
    const id = await begun()
    await parts.open(id, ['a', 'b'], WHO)
    // Again, as at every shared step: what is done stays done, and who came later begins.
    const done: string[] = []
    for (const step of PART_STEPS) {
      expect(await parts.due('a')).toEqual([])
      await reach(id, step)
      await parts.open(id, ['a', 'b'], WHO)
      const [due, ...more] = await parts.due('a')
      expect([due?.part.step, due?.identifiers, more]).toEqual([step, WHO, []])
      if (due === undefined) return
      const outcome = step === 'folders' ? { removed: { rosters: 3, warehouse: 2 } } : {}
      const search = step === 'search' ? { search: { files: 4, bytes: 50, remaining: [] } } : {}
      await parts.advance(due.part, { ...outcome, ...search }, NEVER)
      // A former life of the node that comes late changes nothing.
      await parts.advance(due.part, { removed: { rosters: 99 } }, NEVER)
      done.push(step)
    }
    expect(done).toEqual([...PART_STEPS])
    expect(await parts.of([id])).toMatchObject([
      {
        node: 'a',
        step: 'done',
        removed: { rosters: 3, warehouse: 2 },
        search: { files: 4, bytes: 50, remaining: [] },
        addendum: undefined,
      },
      { node: 'b', step: 'suppress', search: undefined },
    ])
    expect(await sealed(id)).toEqual([false, true])
  })

  test('a receipt is signed with the parts as they are; one that is done after it is signed by itself', async () => {
    const { parts, requests, begun, reach } = await erasureBook(dialect)
    const id = await begun()
    await parts.open(id, ['a', 'b'], WHO)
    await reach(id, 'search')
    const through = async (node: string, sign: typeof SIGN): Promise<void> => {
      for (let [due] = await parts.due(node); due !== undefined; [due] = await parts.due(node))
        await parts.advance(due.part, due.part.step === 'folders' ? { removed: { rosters: 1 } } : {}, sign)
    }
    await through('a', NEVER)
    let seen: unknown
    await requests.finish(
      id,
      (present) => {
        seen = present.map(({ node, step }) => [node, step])
        return receipt()
      },
      9,
    )
    expect(seen).toEqual([
      ['a', 'done'],
      ['b', 'suppress'],
    ])
    await through('b', SIGN)
    expect(await parts.of([id])).toMatchObject([
      { node: 'a', addendum: undefined },
      { node: 'b', step: 'done', removed: { rosters: 1 }, addendum: '{"said":"later"}', signature: 'signed' },
    ])
    expect(await parts.due('b')).toEqual([])
  })

  test('an erasure that 0.1 left among its stores goes on with the folders', async () => {
    const { requests, begun, reach } = await erasureBook(dialect)
    const id = await begun()
    await reach(id, 'rosters' as Step)
    expect((await requests.next())?.step).toBe('folders')
  })

  test('a part of a node whose folders are gone is open no more', async () => {
    const { parts, begun, reach, sealed } = await erasureBook(dialect)
    const [first, second] = [await begun(), await begun(STRANGER)]
    for (const id of [first, second]) await parts.open(id, ['a', 'b'], WHO)
    await reach(first, 'search')
    const [due] = await parts.due('b')
    expect(await parts.waive('b')).toBe(2)
    expect(await parts.waive('b')).toBe(0)
    if (due !== undefined) await parts.advance(due.part, {}, NEVER)
    expect(await parts.due('b')).toEqual([])
    expect((await parts.of([first])).map(({ step }) => step)).toEqual(['suppress', 'waived'])
    expect(await sealed(first)).toEqual([true, false])
  })
})
