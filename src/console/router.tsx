/** Every page and its address. A room of pages lists its own in `pages/<room>/routes.tsx`. */

import { createRouter } from '@tanstack/react-router'
import { activationRoutes } from './pages/activations/routes.tsx'
import { currentsRoutes } from './pages/currents/routes.tsx'
import { exportRoutes } from './pages/exports/routes.tsx'
import { loopRoutes } from './pages/loop/routes.tsx'
import { runRoutes } from './pages/runs/routes.tsx'
import { root } from './root.tsx'

export const router = createRouter({
  routeTree: root.addChildren([
    ...loopRoutes,
    ...currentsRoutes,
    ...activationRoutes,
    ...runRoutes,
    ...exportRoutes,
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
