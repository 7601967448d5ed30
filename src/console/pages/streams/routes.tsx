import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

const one = lazyRouteComponent(() => import('./stream-page.tsx'), 'StreamPage')

export const streamRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/streams',
    component: lazyRouteComponent(() => import('./streams-page.tsx'), 'StreamsPage'),
  }),
  // Below two names, so that no stream can be called like one of them.
  createRoute({
    getParentRoute: () => root,
    path: '/streams/schema/identifiers',
    component: lazyRouteComponent(() => import('./identifiers-page.tsx'), 'IdentifiersPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/streams/schema/versions',
    component: lazyRouteComponent(() => import('./versions-page.tsx'), 'VersionsPage'),
  }),
  createRoute({ getParentRoute: () => root, path: '/streams/$stream', component: one }),
  createRoute({ getParentRoute: () => root, path: '/streams/$stream/$tab', component: one }),
] as const
