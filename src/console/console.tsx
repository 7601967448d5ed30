/**
 * The console: the browser application, over the same API as the command line. Pages ask the API and show what it said; they must never
 * decide what the API should (whether an edit is valid, who may do it), never show a number that does not lead to the rows behind it, and
 * never ask anybody but the hub that served them.
 */

import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './console.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { queryClient } from './api/queries.ts'
import { nonce } from './nonce.ts'
import classes from './notices.module.css'
import { router } from './router.tsx'
import { colorVariables, theme } from './theme.ts'

export function Console() {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={colorVariables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queryClient}>
        <Notifications position="top-center" layout="stacked" limit={3} className={classes.notices ?? ''} />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  )
}
