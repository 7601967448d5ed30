import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const sandboxRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/sandbox',
    component: lazyRouteComponent(() => import('./sandbox-page.tsx'), 'SandboxPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/sandbox/$double',
    component: lazyRouteComponent(() => import('./double-page.tsx'), 'DoublePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/sandbox/$double/requests',
    component: lazyRouteComponent(() => import('./requests-page.tsx'), 'RequestsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/sandbox/$double/holdings/$holding',
    component: lazyRouteComponent(() => import('./holding-page.tsx'), 'HoldingPage'),
  }),
] as const
