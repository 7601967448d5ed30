/** For tests: documents of a workspace with objects of every kind, as many as asked for. */

export interface Workspace {
  readonly documents: readonly Readonly<Record<string, unknown>>[]
  readonly secrets: Readonly<Record<string, string>>
}

/** `count` objects at least; the same for the same count. */
export function workspace(count: number): Workspace {
  const documents: Record<string, unknown>[] = []
  const secrets: Record<string, string> = {}
  const contactEmail = 'data@example.com'
  const secret = (name: string): string => {
    secrets[`env:${name}`] = `top-secret-${name}`
    return `env:${name}`
  }
  documents.push({
    object: 'profile',
    fields: [
      { name: 'user_id', identifier: { rank: 1 } },
      {
        name: 'email',
        identifier: { rank: 2, normalize: 'email' },
        personal: true,
        description: 'Where mails go',
      },
      { name: 'visits', type: 'int', merge: 'sum' },
      { name: 'tags', type: '[]string', capacity: 50 },
    ],
  })
  documents.push({
    object: 'channel',
    name: 'on-call',
    kind: 'webhook',
    kinds: ['halted'],
    settings: { url: 'https://example.com/alerts' },
  })
  for (let i = 0; documents.length < count; i++) {
    const braze = `Braze ${i}: "EU" / käuflich`
    documents.push(
      {
        object: 'authorization',
        label: braze,
        provider: 'braze-cohort',
        credentials: { importKey: secret(`IMPORT_${i}`), partnerKey: secret(`PARTNER_${i}`) },
      },
      {
        object: 'authorization',
        label: `Track ${i}`,
        provider: 'braze-audiences',
        credentials: { restKey: secret(`REST_${i}`) },
      },
      {
        object: 'source',
        name: `td-${i}`,
        kind: 'treasure-data',
        settings: { database: `db_${i}`, table: 'events', taskId: `task-${i}` },
        token: secret(`TOKEN_${i}`),
      },
      {
        object: 'source',
        name: `braze-${i}`,
        kind: 'braze-currents',
        settings: i % 2 === 0 ? {} : { requestsPerSecondMax: 100 + i },
      },
      {
        object: 'stream',
        name: `crm.${i}`,
        from: { kind: 'source', source: `td-${i}` },
        mappings: [
          { field: 'user_id', expression: 'user_id' },
          { field: 'visits', expression: 'toint(visits)', guard: 'exists(visits)' },
        ],
      },
      {
        object: 'audience',
        slug: `base_${i}`,
        name: `Base ${i}`,
        description: 'Müller & Söhne: # not a comment',
        filter: `FILTER AND (\n  visits > ${i},\n  -- who came back\n  EXISTS email\n)\n`,
      },
      { object: 'audience', slug: `a_${i}`, filter: `FILTER AND (INCLUDE base_${i}, visits < ${i + 100})` },
      {
        object: 'query',
        name: `people_${i}`,
        sql: `select user_ids\nfrom people\n\nwhere n = ${i} -- "quoted"\n  and t = 'a: b'\n`,
        description: i % 3 === 0 ? '' : 'yes',
      },
      {
        object: 'segment',
        name: `segment-${i}`,
        parent: { table: 'main.people', key: 'user_id' },
        rule: {
          all: [
            { column: 'age', test: 'greater', value: i },
            { not: { column: 'city', test: 'in', values: ['x', '012', 'null'] } },
          ],
        },
      },
      {
        object: 'current',
        name: `${i}`,
        contactEmail,
        sources: [`braze-${i}`, `td-${i}`],
        externalId: 'optional',
        fields: { phone: 'hash', email: 'remove' },
        destination: {
          kind: 'http',
          settings: { url: `https://example.com/${i}`, headers: { 'x-tenant': `${i}` } },
        },
        delivery: { waitMs: i, ordering: 'per-profile' },
        state: ['draft', 'running', 'paused'][i % 3],
      },
      {
        object: 'activation',
        name: `sync-${i}`,
        contactEmail,
        query:
          i % 2 === 0
            ? { saved: `people_${i}` }
            : { segment: `segment-${i}`, columns: { user_ids: 'user_id' } },
        operation: 'mirror',
        aliases: i % 2 === 0 ? [] : ['crm', { label: 'shop', column: 'shop_id' }],
        destination: {
          kind: 'braze-cohort',
          settings: { instance: 'US-01', cohortId: `cohort-${i}` },
          authorization: braze,
        },
        schedule:
          i === 0
            ? { when: 'cron', cron: '0 3 * * *', timeZone: 'Europe/Berlin' }
            : { when: 'after', activation: `sync-${i - 1}` },
        state: i % 2 === 0 ? 'active' : 'paused',
      },
      {
        object: 'export',
        name: `export-${i}`,
        contactEmail,
        audiences: [`a_${i}`, `base_${i}`],
        identifiers: { externalIdField: 'user_id' },
        destination: {
          settings: { instance: 'US-01', attribute: `attribute_${i}` },
          authorization: `Track ${i}`,
        },
        state: 'draft',
      },
    )
  }
  return { documents, secrets }
}
