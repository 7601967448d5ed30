import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const driftRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/drift',
    component: lazyRouteComponent(() => import('./drift-page.tsx'), 'DriftPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/drift/types/$type',
    component: lazyRouteComponent(() => import('./type-page.tsx'), 'TypePage'),
  }),
] as const
