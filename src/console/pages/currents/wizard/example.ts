/** An event that nobody sent, made up from the catalog: to try a mapping where no real one is kept. */

import type { CatalogTypeAnswer } from '../../../../api/routes/catalog.ts'

const BY_TYPE: Readonly<Record<string, unknown>> = {
  int: 1,
  long: 1,
  float: 1.5,
  boolean: true,
  'string[]': ['example'],
  object: {},
}

export function exampleOf({ name, userFields, fields }: CatalogTypeAnswer) {
  return {
    id: '00000000-0000-4000-8000-000000000001',
    event_type: name,
    time: 1_780_000_000,
    user: Object.fromEntries(
      userFields.filter(({ inHttp }) => inHttp).map((field) => [field.name, `example-${field.name}`]),
    ),
    properties: Object.fromEntries(
      fields
        .filter(({ inHttp, deprecated }) => inHttp && !deprecated)
        .map((field) => [field.name, BY_TYPE[field.type] ?? `example-${field.name}`]),
    ),
  }
}
