import { Page } from '../../elements/page.tsx'

export function LoopPage() {
  return (
    <Page
      title="Loop"
      calls={['GET /api/v1/live', 'GET /api/v1/system']}
      commands={['thalweg status --watch']}
    >
      <p>…</p>
    </Page>
  )
}
