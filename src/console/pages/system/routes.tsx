import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

export const systemRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/system',
    component: lazyRouteComponent(() => import('./system-page.tsx'), 'SystemPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/system/nodes',
    component: lazyRouteComponent(() => import('./nodes-page.tsx'), 'NodesPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/system/backups',
    component: lazyRouteComponent(() => import('./backups-page.tsx'), 'BackupsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/system/settings',
    component: lazyRouteComponent(() => import('./settings-page.tsx'), 'SettingsPage'),
  }),
] as const
