import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

const runPage = lazyRouteComponent(() => import('./run-page.tsx'), 'RunPage')

export const runRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/runs',
    component: lazyRouteComponent(() => import('./runs-page.tsx'), 'RunsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/activations/$activation/runs/$run',
    component: runPage,
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/activations/$activation/runs/$run/$tab',
    component: runPage,
  }),
] as const
