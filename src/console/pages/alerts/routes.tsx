import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const alertRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/alerts',
    component: lazyRouteComponent(() => import('./alerts-page.tsx'), 'AlertsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/alerts/$alert',
    component: lazyRouteComponent(() => import('./alert-page.tsx'), 'AlertPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/alerts/channels',
    component: lazyRouteComponent(() => import('./channels-page.tsx'), 'ChannelsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/alerts/channels/new/$kind',
    component: lazyRouteComponent(() => import('./new-channel-page.tsx'), 'NewChannelPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/alerts/channels/$channel',
    component: lazyRouteComponent(() => import('./channel-page.tsx'), 'ChannelPage'),
  }),
] as const
