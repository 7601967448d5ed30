import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

const activationPage = lazyRouteComponent(() => import('./activation-page.tsx'), 'ActivationPage')

export const activationRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/activations',
    component: lazyRouteComponent(() => import('./activations-page.tsx'), 'ActivationsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/activations/new',
    component: lazyRouteComponent(() => import('./new-activation-page.tsx'), 'NewActivationPage'),
  }),
  createRoute({ getParentRoute: () => root, path: '/activations/$activation', component: activationPage }),
  createRoute({
    getParentRoute: () => root,
    path: '/activations/$activation/$tab',
    component: activationPage,
  }),
] as const
