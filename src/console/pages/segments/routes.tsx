import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const segmentRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/segments',
    component: lazyRouteComponent(() => import('./segments-page.tsx'), 'SegmentsPage'),
  }),
  // No name begins with a dash.
  createRoute({
    getParentRoute: () => root,
    path: '/segments/-new',
    component: lazyRouteComponent(() => import('./new-page.tsx'), 'NewSegmentPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/segments/$segment/{-$tab}',
    component: lazyRouteComponent(() => import('./segment-page.tsx'), 'SegmentPage'),
  }),
] as const
