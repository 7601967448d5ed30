/** The files of deploy/ say only what the program knows. */

import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { readSettings } from '../src/core/settings.ts'

const ROOT = join(import.meta.dirname, '..')
const DEPLOY = join(ROOT, 'deploy')

async function files(): Promise<{ name: string; text: string }[]> {
  const names = await readdir(DEPLOY, { recursive: true, withFileTypes: true })
  return Promise.all(
    names
      .filter((entry) => entry.isFile())
      .map(async (entry) => ({
        name: entry.name,
        text: await readFile(join(entry.parentPath, entry.name), 'utf8'),
      })),
  )
}

test('every setting that they name exists', async () => {
  const reference = await readFile(join(ROOT, 'docs/reference/settings.md'), 'utf8')
  const named = new Set<string>()
  for (const { text } of await files())
    for (const [name] of text.matchAll(/THALWEG_[A-Z_]*[A-Z]/g)) named.add(name)
  expect(named.size).toBeGreaterThan(5)
  for (const name of named) expect(reference, name).toContain(`\`${name}\``)
})

test('the manifests are whole, ask the health addresses, and run without rights', async () => {
  for (const { name, text } of (await files()).filter((file) => file.name.endsWith('.yaml'))) {
    const documents = parseAllDocuments(text)
    const sets = documents
      .map((document) => {
        expect(document.errors, name).toEqual([])
        return document.toJS()
      })
      .filter(({ kind }) => kind === 'StatefulSet')
    expect(sets, name).toHaveLength(1)
    const { securityContext, containers, terminationGracePeriodSeconds } = sets[0].spec.template.spec
    expect(securityContext).toMatchObject({ runAsNonRoot: true })
    expect(terminationGracePeriodSeconds).toBeGreaterThan(15)
    expect(containers[0]).toMatchObject({
      readinessProbe: { httpGet: { path: '/readyz' } },
      livenessProbe: { httpGet: { path: '/healthz' } },
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
    })
  }
})

test('a node of the manifest is told its name and where the others reach it', async () => {
  const text = await readFile(join(DEPLOY, 'kubernetes/nodes.yaml'), 'utf8')
  const set = parseAllDocuments(text)
    .map((document) => document.toJS())
    .find(({ kind }) => kind === 'StatefulSet')
  const env: { name: string; value?: string }[] = set.spec.template.spec.containers[0].env
  const url = env
    .find(({ name }) => name === 'THALWEG_NODE_URL')
    ?.value?.replace('$(THALWEG_NODE)', 'thalweg-0')
  expect(
    readSettings({ THALWEG_NODE: 'thalweg-0', ...(url === undefined ? {} : { THALWEG_NODE_URL: url }) }),
  ).toMatchObject({
    node: 'thalweg-0',
    nodeUrl: 'http://thalweg-0.thalweg-nodes:7070',
  })
})

test('what the unit and the container start is there', async () => {
  const texts = await files()
  const unit = texts.find(({ name }) => name === 'thalweg.service')?.text ?? ''
  const container = texts.find(({ name }) => name === 'Containerfile')?.text ?? ''
  const started = [
    /ExecStart=\/opt\/thalweg\/(\S+)/.exec(unit)?.[1],
    /ENTRYPOINT \["\/opt\/thalweg\/([^"]+)"\]/.exec(container)?.[1],
  ]
  for (const file of started) expect(file !== undefined && existsSync(join(ROOT, file)), file).toBe(true)
})
