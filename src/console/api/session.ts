/** Who we are to the hub, and the ways in and out. */

import { type UseMutationResult, useMutation } from '@tanstack/react-query'
import type { EnteredAnswer, SessionAnswer } from '../../api/routes/session.ts'
import { type ApiFailure, call } from './client.ts'
import { queryClient, useAnswer } from './queries.ts'

export type Me = NonNullable<SessionAnswer['caller']>

/** Asked again now and then: a session may end while nobody does anything. */
const EVERY_MS = 60_000
const SESSION_KEY = ['/session'] as const

export function useSession() {
  return useAnswer<SessionAnswer>('/session', { everyMs: EVERY_MS })
}

/** undefined before it is known, and when nobody has signed in. */
export function useMe(): Me | undefined {
  return useSession().data?.caller ?? undefined
}

/** Whether we may do what takes this role. */
export function useMay(role: Me['role']): boolean {
  const held = useMe()?.role
  const roles: readonly (Me['role'] | undefined)[] = ['viewer', 'operator', 'admin']
  return held !== undefined && roles.indexOf(held) >= roles.indexOf(role)
}

/** One of the ways in. Everything is asked anew afterwards: what was answered to nobody, or to somebody else, is forgotten. */
export function useEntry<Input>(
  path: string,
  done?: () => void,
): UseMutationResult<unknown, ApiFailure, Input> {
  return useMutation<unknown, ApiFailure, Input>({
    mutationFn: (body) => call<EnteredAnswer>('POST', path, { body }),
    onSuccess: async () => {
      await queryClient.resetQueries()
      done?.()
    },
  })
}

/** The pages go first: what they would ask anew is nobody's to know now. */
export async function signOut(): Promise<void> {
  await call('DELETE', '/session')
  queryClient.setQueryData<SessionAnswer>(SESSION_KEY, (known) => known && { ...known, caller: null })
  queryClient.removeQueries({ predicate: ({ queryKey: [path] }) => path !== SESSION_KEY[0] })
}
