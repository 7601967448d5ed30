/** The documentation holds: reference pages are those of the code, links lead somewhere, and every invariant names a test that exists. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { REFERENCE, referencePages } from '../scripts/docs.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].sort()

function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

/** Targets of the links of a page that stay in this repository; examples in code are not links. */
function linksOf(text: string): string[] {
  const prose = text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '`')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
}

/** The anchors that a renderer gives the headings of a page. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('reference pages', () => {
  test.each([...referencePages()])('%s is what `node scripts/docs.ts` writes', (name, text) => {
    expect(readFileSync(join(REFERENCE, name), 'utf8')).toBe(text)
  })

  test('no page is left over', () => {
    expect(readdirSync(REFERENCE).sort()).toEqual([...referencePages().keys()].sort())
  })
})

test.each(PAGES)('links of %s lead somewhere', (page) => {
  const dead = linksOf(read(page)).filter((link) => {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : join(dirname(page), path)
    if (!existsSync(join(ROOT, target))) return true
    return anchor !== undefined && !anchorsOf(read(target)).includes(anchor)
  })
  expect(dead).toEqual([])
})

describe('invariants', () => {
  const sections = read('docs/delivery-semantics.md')
    .split(/^(?=#{2,3} )/m)
    .filter((section) => section.startsWith('### '))

  test('are numbered from 1 without a hole', () => {
    const numbers = sections.map((section) => Number(/^### INV-(\d+) /.exec(section)?.[1]))
    expect(numbers).toEqual(sections.map((_, i) => i + 1))
    expect(numbers.length).toBeGreaterThan(0)
  })

  test.each(sections.map((section) => [section.split('\n', 1)[0] ?? '', section]))(
    '%s',
    (_heading, section) => {
      expect(section).toMatch(/^- Reason: .+$/m)
      const line = /^- Test: (.+)$/m.exec(section)?.[1] ?? ''
      const files = [...line.matchAll(/`([^`]+\.ts)`/g)].map((match) => match[1] ?? '')
      expect(files.filter((file) => file.endsWith('.test.ts'))).not.toEqual([])
      expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
    },
  )
})
