/** How answers are kept: fresh for a few seconds, asked again when a page is looked at again, and after every change. */

import {
  type InfiniteData,
  keepPreviousData,
  MutationCache,
  QueryCache,
  QueryClient,
  type UseInfiniteQueryResult,
  type UseMutationResult,
  type UseQueryResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
} from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { ApiFailure, call, type Method, type Query } from './client.ts'

/** A refusal stays one; only silence and overload are worth asking again. */
const isWorthRetrying = (error: unknown): boolean =>
  error instanceof ApiFailure && (error.status === 0 || error.status === 429 || error.status === 503)

/** A session that ended is noticed by whatever was asked next: then it is asked who we are, and the way in is shown. */
const onError = (error: unknown): void => {
  if (error instanceof ApiFailure && error.status === 401) void askAnew(['/session'])
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (failures, error) => failures < 3 && isWorthRetrying(error),
      refetchOnWindowFocus: true,
    },
  },
})

export interface Asking<Answer = unknown> {
  readonly query?: Query
  /** Asks by POST: for questions that are too large for an address, and change nothing. */
  readonly body?: unknown
  /** Asked again each so many milliseconds while the page is looked at. */
  readonly everyMs?: number
  /** The answer after which nothing is asked again: it will not change any more. */
  readonly until?: (answer: Answer) => boolean
  readonly enabled?: boolean
  /** Shows the last answer while another question is answered: for filters that change while one types. */
  readonly keep?: boolean
}

/** The answer of `GET /api/v1<path>`, or of `POST` when there is a body; its key is the path, so a change can make all below a path be asked anew. */
export function useAnswer<Answer>(
  path: string,
  asking: Asking<Answer> = {},
): UseQueryResult<Answer, ApiFailure> {
  const { query, body, everyMs, until, enabled = true, keep = false } = asking
  return useQuery<Answer, ApiFailure>({
    queryKey: query === undefined && body === undefined ? [path] : [path, query, body],
    queryFn: ({ signal }) =>
      call<Answer>(body === undefined ? 'GET' : 'POST', path, {
        ...(query === undefined ? {} : { query }),
        ...(body === undefined ? {} : { body }),
        signal,
      }),
    enabled,
    ...(everyMs === undefined
      ? {}
      : {
          refetchInterval: ({ state: { data } }) =>
            data !== undefined && until?.(data) === true ? false : everyMs,
        }),
    ...(keep ? { placeholderData: keepPreviousData } : {}),
  })
}

export interface Paging<Answer, Row> extends Asking {
  readonly rows: (answer: Answer) => readonly Row[]
  /** What the next question says beside `query`; undefined: that was all. */
  readonly next: (answer: Answer) => Query | undefined
}

export interface Paged<Row> {
  readonly rows: readonly Row[]
  readonly result: UseInfiniteQueryResult<unknown, ApiFailure>
}

/** Whoever has scrolled further down reads, and does not watch: the whole list is not asked again and again. */
const PAGES_ASKED_AGAIN_MAX = 3

/** A long list, page by page, as it is scrolled. */
export function usePages<Answer, Row>(path: string, paging: Paging<Answer, Row>): Paged<Row> {
  const { query = {}, everyMs, enabled = true, keep = false, rows, next } = paging
  const result = useInfiniteQuery<Answer, ApiFailure, InfiniteData<Answer, Query>, readonly unknown[], Query>(
    {
      queryKey: [path, 'pages', query],
      queryFn: ({ pageParam, signal }) =>
        call<Answer>('GET', path, { query: { ...query, ...pageParam }, signal }),
      initialPageParam: {} as Query,
      getNextPageParam: (last: Answer) => next(last),
      enabled,
      ...(everyMs === undefined
        ? {}
        : {
            refetchInterval: ({ state }) =>
              (state.data?.pages.length ?? 0) > PAGES_ASKED_AGAIN_MAX ? false : everyMs,
          }),
      ...(keep ? { placeholderData: keepPreviousData } : {}),
    },
  )
  return {
    rows: (result.data?.pages ?? []).flatMap((page) => rows(page as Answer)),
    result: result as UseInfiniteQueryResult<unknown, ApiFailure>,
  }
}

export interface Changing<Input, Answer> {
  readonly method: Exclude<Method, 'GET'>
  readonly path: (input: Input) => string
  readonly body?: (input: Input) => unknown
  readonly query?: (input: Input) => Query
  /** Paths whose answers may have changed; every key that begins with one of them is asked anew. */
  readonly changes: readonly string[]
  readonly done?: (answer: Answer, input: Input) => void
  /** The place in the console that one is led to; undefined: one stays. */
  readonly leadsTo?: (answer: Answer, input: Input) => string | undefined
}

/** Leads from the page on which something was begun to where it ends; whoever went elsewhere meanwhile is not called back. */
export function useLeading(): (from: string, to: string) => Promise<void> {
  const navigate = useNavigate()
  return async (from, to) => {
    if (window.location.pathname === from) await navigate({ href: to })
  }
}

/** A change through the API. */
export function useChange<Input = void, Answer = unknown>(
  changing: Changing<Input, Answer>,
): UseMutationResult<Answer, ApiFailure, Input, string> {
  const { method, path, body, query, changes, done, leadsTo } = changing
  const lead = useLeading()
  return useMutation<Answer, ApiFailure, Input, string>({
    onMutate: () => window.location.pathname,
    mutationFn: (input) =>
      call<Answer>(method, path(input), {
        ...(body === undefined ? {} : { body: body(input) }),
        ...(query === undefined ? {} : { query: query(input) }),
      }),
    onSuccess: async (answer, input, from) => {
      // First, so that the page of what was removed does not ask for it again.
      const to = leadsTo?.(answer, input)
      if (to !== undefined) await lead(from, to)
      await askAnew(changes)
      done?.(answer, input)
    },
  })
}

/** Every kept answer below these paths is asked again. */
export async function askAnew(paths: readonly string[]): Promise<void> {
  await queryClient.invalidateQueries({
    predicate: ({ queryKey: [path] }) =>
      paths.some((changed) => typeof path === 'string' && path.startsWith(changed)),
  })
}
