import type { PersonWithLinkAnswer } from '../../../api/routes/people.ts'
import { dateTime } from '../../elements/words.ts'
import { ShownOnce } from './shown-once.tsx'

export function LinkShown({ person, link }: PersonWithLinkAnswer) {
  return (
    <ShownOnce
      title={`A link for ${person.name}`}
      about={`Send it to ${person.email}, by a way that only they read. It works once, until ${dateTime(link.until)}, and is not shown again.`}
      secret={`${window.location.origin}${link.path}`}
      label="the link"
    />
  )
}
