import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const deadLetterRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/dead-letters',
    component: lazyRouteComponent(() => import('./letters-page.tsx'), 'LettersPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/dead-letters/$id',
    component: lazyRouteComponent(() => import('./letter-page.tsx'), 'LetterPage'),
  }),
] as const
