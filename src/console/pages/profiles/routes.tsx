import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { root } from '../../root.tsx'

const people = lazyRouteComponent(() => import('./profiles-page.tsx'), 'ProfilesPage')
const joins = lazyRouteComponent(() => import('./joins-page.tsx'), 'JoinsPage')
const one = lazyRouteComponent(() => import('./profile-page.tsx'), 'ProfilePage')

export const profileRoutes = [
  createRoute({ getParentRoute: () => root, path: '/profiles', component: people }),
  createRoute({ getParentRoute: () => root, path: '/profiles/merges', component: joins }),
  createRoute({
    getParentRoute: () => root,
    path: '/profiles/conflicts',
    component: lazyRouteComponent(() => import('./conflicts-page.tsx'), 'ConflictsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/profiles/apart',
    component: lazyRouteComponent(() => import('./apart-page.tsx'), 'ApartPage'),
  }),
  createRoute({ getParentRoute: () => root, path: '/profiles/$profile', component: one }),
  createRoute({ getParentRoute: () => root, path: '/profiles/$profile/$tab', component: one }),
] as const
