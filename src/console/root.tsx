/** The route that all pages stand in: the frame around them, and what is shown when a page is missing or fails. */

import { createRootRoute } from '@tanstack/react-router'
import { Broken, Missing } from './shell/astray.tsx'
import { Frame } from './shell/frame.tsx'

export const root = createRootRoute({ component: Frame, notFoundComponent: Missing, errorComponent: Broken })
