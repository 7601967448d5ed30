import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const authorizationRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/authorizations',
    component: lazyRouteComponent(() => import('./authorizations-page.tsx'), 'AuthorizationsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/authorizations/new',
    component: lazyRouteComponent(() => import('./providers-page.tsx'), 'ProvidersPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/authorizations/new/$provider',
    component: lazyRouteComponent(() => import('./new-authorization-page.tsx'), 'NewAuthorizationPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/authorizations/$authorization',
    component: lazyRouteComponent(() => import('./authorization-page.tsx'), 'AuthorizationPage'),
  }),
] as const
