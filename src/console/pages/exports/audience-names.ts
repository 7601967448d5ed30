import type { AudienceAnswer } from '../../../api/routes/audiences.ts'
import { useAnswer } from '../../api/queries.ts'

/** What an audience is called by its number; the number itself while nobody knows, and of one that was deleted. */
export function useAudienceNames(): (number: number) => string {
  const { data } = useAnswer<{ audiences: AudienceAnswer[] }>('/audiences')
  const slugs = new Map((data?.audiences ?? []).map(({ number, slug }) => [number, slug]))
  return (number) => slugs.get(number) ?? String(number)
}
