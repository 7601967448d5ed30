import type { ActivationAnswer } from '../../../api/routes/activations.ts'

/** braze-cohort, email-openers. */
export function destinationText({
  destination,
}: Pick<ActivationAnswer['definition'], 'destination'>): string {
  const { cohortId, attribute, value } = destination.settings
  const target = [cohortId, attribute, value].filter((part) => typeof part === 'string')
  return [destination.kind, ...target].join(', ')
}
