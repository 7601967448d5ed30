import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const warehouseRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/warehouse',
    component: lazyRouteComponent(() => import('./warehouse-page.tsx'), 'WarehousePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/warehouse/queries',
    component: lazyRouteComponent(() => import('./saved-queries-page.tsx'), 'SavedQueriesPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/warehouse/queries/$query',
    component: lazyRouteComponent(() => import('./saved-query-page.tsx'), 'SavedQueryPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/warehouse/running',
    component: lazyRouteComponent(() => import('./running-page.tsx'), 'RunningPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/warehouse/engines',
    component: lazyRouteComponent(() => import('./engines-page.tsx'), 'EnginesPage'),
  }),
] as const
