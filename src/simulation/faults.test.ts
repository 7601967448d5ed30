import { expect, test } from 'vitest'
import { FAULT_KINDS, nameOf, parseFaults, planFaults, sentenceOf } from './faults.ts'
import { DAY_MS } from './time.ts'

const all = parseFaults('all')

test('a seed gives one plan, another seed another one, and each kind comes about', () => {
  const plan = planFaults(7, 60, all)
  expect(planFaults(7, 60, all)).toEqual(plan)
  expect(planFaults(8, 60, all)).not.toEqual(plan)
  expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS))
  expect(plan.map(({ fromMs }) => fromMs)).toEqual(plan.map(({ fromMs }) => fromMs).sort((a, b) => a - b))
})

test('fewer days, fewer kinds and single faults leave the rest of the plan as it was', () => {
  const plan = planFaults(7, 30, all)
  expect(planFaults(7, 12, all)).toEqual(plan.filter(({ day }) => day <= 12))
  expect(planFaults(7, 30, parseFaults('crash,skew'))).toEqual(
    plan.filter(({ kind }) => kind === 'crash' || kind === 'skew'),
  )
  const some = [plan[3], plan[11]].flatMap((fault) => fault ?? [])
  expect(planFaults(7, 30, parseFaults(some.map(nameOf).join(',')))).toEqual(some)
  expect(planFaults(7, 30, parseFaults('none'))).toEqual([])
})

test('a fault begins on its day and has a sentence', () => {
  for (const fault of planFaults(3, 90, all)) {
    expect(Math.floor(fault.fromMs / DAY_MS) + 1).toBe(fault.day)
    expect(fault.toMs).toBeGreaterThan(fault.fromMs)
    expect(sentenceOf(fault)).toMatch(/^[a-z].* \d+ (s|min|h)/)
    expect(sentenceOf(fault)).not.toContain('undefined')
  }
})

test.each(['crashes', 'crash@', 'crash@0', 'crash@x', 'crash,', ''])('%j is no choice of faults', (text) => {
  expect(() => parseFaults(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
})
