import { describe, expect, test } from 'vitest'
import { fitted, gridOf, pointedAt } from './grid.ts'

describe('columns', () => {
  test.each([
    [[3, 4], 80, [3, 4]],
    [[3, 200], 80, [3, 73]],
    [[100, 100], 80, [38, 38]],
    [[5, 100, 100], 80, [5, 34, 35]],
    [[100, 100, 100, 100, 100, 100], 40, [8, 8, 8, 8]],
    [[500], 20, [18]],
  ])('%j in %i characters are %j', (natural, width, expected) => {
    expect(fitted(natural, width)).toEqual(expected)
  })
})

test('a grid keeps nulls apart, cuts visibly, aligns numbers, and shows control characters', () => {
  const columns = ['n', 'text', 'nothing', 'far'].map((name) => ({ name, type: 'x' }))
  const rows = [
    [1, `${'a'.repeat(50)}`, null, 'x'.repeat(50)],
    ['12.50', 'two\nlines\u001b[31m', null, ''],
  ]
  const grid = gridOf({ columns, rows }, 40)
  expect(grid.columns.map(({ title, right = false }) => [title, right])).toEqual([
    ['n', true],
    ['text', false],
    ['nothing', false],
    ['far', false],
  ])
  expect(grid.rows[0]).toEqual(['1', 'aaaaaaaaa…', null, expect.stringMatching(/^x+…$/)])
  expect(grid.rows[1]?.[0]).toBe('12.50')
  expect(grid.rows[1]?.[1]).not.toContain('\n')
  expect(JSON.stringify(grid.rows)).not.toContain('\\u001b')
  expect(gridOf({ columns, rows }, 20).hidden).toBe(2)
})

test.each([
  ['select nosuch', 1, 8, 80, '1 | select nosuch\n  |        ^'],
  ['select 1,\n\tnosuch', 2, 2, 80, '2 |  nosuch\n  |  ^'],
  ['', 1, 1, 80, '1 | \n  | ^'],
])('%j at %i:%i', (text, line, column, width, expected) => {
  expect(pointedAt(text, line, column, width)).toBe(expected)
})

test('the mark stands under its place in a long line, too', () => {
  const text = `${'x'.repeat(300)}HERE${'y'.repeat(300)}`
  const [line = '', mark = ''] = pointedAt(text, 1, 301, 60).split('\n')
  expect(line.length).toBeLessThanOrEqual(60)
  expect(line.slice(mark.indexOf('^'))).toMatch(/^HERE/)
})
