/** The route that all pages stand in: the frame around them, and what is shown when a page is missing or fails. */

import { createRootRoute } from '@tanstack/react-router'
import { Broken, Missing } from './shell/astray.tsx'
import { Shell } from './shell/shell.tsx'

export const root = createRootRoute({ component: Shell, notFoundComponent: Missing, errorComponent: Broken })
