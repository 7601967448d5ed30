import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const audienceRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/audiences',
    component: lazyRouteComponent(() => import('./audiences-page.tsx'), 'AudiencesPage'),
  }),
  // No slug begins with a dash.
  createRoute({
    getParentRoute: () => root,
    path: '/audiences/-new',
    component: lazyRouteComponent(() => import('./new-page.tsx'), 'NewAudiencePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audiences/$audience/{-$tab}',
    component: lazyRouteComponent(() => import('./audience-page.tsx'), 'AudiencePage'),
  }),
] as const
