/** Every page and its address. A room of pages lists its own in `pages/<room>/routes.tsx`. */

import { createRouter } from '@tanstack/react-router'
import { accessRoutes } from './pages/access/routes.tsx'
import { activationRoutes } from './pages/activations/routes.tsx'
import { alertRoutes } from './pages/alerts/routes.tsx'
import { audienceRoutes } from './pages/audiences/routes.tsx'
import { auditRoutes } from './pages/audit/routes.tsx'
import { authorizationRoutes } from './pages/authorizations/routes.tsx'
import { currentsRoutes } from './pages/currents/routes.tsx'
import { deadLetterRoutes } from './pages/dead-letters/routes.tsx'
import { driftRoutes } from './pages/drift/routes.tsx'
import { erasureRoutes } from './pages/erasures/routes.tsx'
import { eventRoutes } from './pages/events/routes.tsx'
import { exportRoutes } from './pages/exports/routes.tsx'
import { inboxRoutes } from './pages/inbox/routes.tsx'
import { loopRoutes } from './pages/loop/routes.tsx'
import { profileRoutes } from './pages/profiles/routes.tsx'
import { runRoutes } from './pages/runs/routes.tsx'
import { sandboxRoutes } from './pages/sandbox/routes.tsx'
import { segmentRoutes } from './pages/segments/routes.tsx'
import { streamRoutes } from './pages/streams/routes.tsx'
import { systemRoutes } from './pages/system/routes.tsx'
import { warehouseRoutes } from './pages/warehouse/routes.tsx'
import { root } from './root.tsx'

export const router = createRouter({
  routeTree: root.addChildren([
    ...loopRoutes,
    ...accessRoutes,
    ...auditRoutes,
    ...activationRoutes,
    ...alertRoutes,
    ...audienceRoutes,
    ...authorizationRoutes,
    ...currentsRoutes,
    ...deadLetterRoutes,
    ...driftRoutes,
    ...erasureRoutes,
    ...eventRoutes,
    ...exportRoutes,
    ...inboxRoutes,
    ...profileRoutes,
    ...runRoutes,
    ...sandboxRoutes,
    ...segmentRoutes,
    ...streamRoutes,
    ...systemRoutes,
    ...warehouseRoutes,
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
