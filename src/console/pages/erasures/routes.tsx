import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const erasureRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/erasures',
    component: lazyRouteComponent(() => import('./erasures-page.tsx'), 'ErasuresPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/erasures/new',
    component: lazyRouteComponent(() => import('./new-erasure-page.tsx'), 'NewErasurePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/erasures/$erasure',
    component: lazyRouteComponent(() => import('./erasure-page.tsx'), 'ErasurePage'),
  }),
] as const
