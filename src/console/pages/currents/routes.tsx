import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

const onePage = lazyRouteComponent(() => import('./one/current-page.tsx'), 'CurrentPage')

export const currentsRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/currents',
    component: lazyRouteComponent(() => import('./currents-page.tsx'), 'CurrentsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/currents/new',
    component: lazyRouteComponent(() => import('./new-current-page.tsx'), 'NewCurrentPage'),
  }),
  createRoute({ getParentRoute: () => root, path: '/currents/$current', component: onePage }),
  createRoute({ getParentRoute: () => root, path: '/currents/$current/$tab', component: onePage }),
] as const
