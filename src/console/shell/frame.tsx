/**
 * Around everything: whoever has signed in gets the shell with its pages, anybody else the way in, at whatever address they came to, so
 * that a link that was sent to them leads where it should. In the demo, whoever sits at the machine comes in by themselves.
 */

import { Outlet, useRouterState } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useRef } from 'react'
import { useEntry, useSession } from '../api/session.ts'
import { Answer } from '../elements/answer.tsx'
import { Shell } from './shell.tsx'

const SignIn = lazy(() => import('../pages/access/sign-in.tsx'))

/** What people are sent a link to before they can sign in. */
const OUTSIDE = new Set(['/setup', '/accept'])

export function Frame() {
  const path = useRouterState({ select: ({ location }) => location.pathname })
  const session = useSession()
  if (OUTSIDE.has(path)) return <Outlet />
  return (
    <Answer of={session} lines={0}>
      {({ caller, demo, setup }) => {
        if (caller !== null) return <Shell />
        return demo && !hasLeft() ? <DemoDoor /> : <Door needsOwner={setup === 'needed'} />
      }}
    </Answer>
  )
}

function Door({ needsOwner, demo = false }: { needsOwner: boolean; demo?: boolean }) {
  return (
    <Suspense>
      <SignIn needsOwner={needsOwner} demo={demo} />
    </Suspense>
  )
}

/** Asks once. Who does not sit at the machine is refused, and signs in like everywhere else. */
function DemoDoor() {
  const { mutate, isError } = useEntry('/session/demo')
  const asked = useRef(false)
  useEffect(() => {
    if (asked.current) return
    asked.current = true
    mutate({})
  }, [mutate])
  return isError ? <Door needsOwner={false} demo /> : null
}

let left = false

/** Who signed out of the demo meant it, until the page is loaded anew. */
export function leave(): void {
  left = true
}

function hasLeft(): boolean {
  return left
}
