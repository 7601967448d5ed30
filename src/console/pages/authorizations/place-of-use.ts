import type { AuthorizationUse } from '../../../api/routes/authorizations.ts'

/** Where the page of something is that uses an authorization. */
export function placeOfUse({ sort, name }: AuthorizationUse): string {
  const part = encodeURIComponent(name)
  switch (sort) {
    case 'current':
      return `/currents/${part}`
    case 'activation':
      return `/activations/${part}`
    case 'export':
      return `/exports/${part}`
    case 'channel':
      return `/alerts/channels/${part}`
    case 'engine':
      return '/warehouse'
    case 'import':
      return `/inbox/${part}`
  }
}
