import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const auditRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/audit',
    component: lazyRouteComponent(() => import('./audit-page.tsx'), 'AuditPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audit/$number',
    component: lazyRouteComponent(() => import('./entry-page.tsx'), 'EntryPage'),
  }),
] as const
