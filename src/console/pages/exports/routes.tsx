import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

const exportPage = lazyRouteComponent(() => import('./export-page.tsx'), 'ExportPage')

export const exportRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: '/exports',
    component: lazyRouteComponent(() => import('./exports-page.tsx'), 'ExportsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/exports/new',
    component: lazyRouteComponent(() => import('./new-export-page.tsx'), 'NewExportPage'),
  }),
  createRoute({ getParentRoute: () => root, path: '/exports/$export', component: exportPage }),
  createRoute({ getParentRoute: () => root, path: '/exports/$export/$tab', component: exportPage }),
] as const
