import { Stack, Text } from '@mantine/core'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { CopyButton } from '../../elements/copy-button.tsx'
import classes from './sender-settings.module.css'
import { SENDER_STEPS, senderSettings, TOKEN_UNKNOWN } from './source-kinds.ts'

/** Address and secret to paste at the sender; without `token` it stands for one that was shown before. */
export function SenderSettings({ source, token }: { source: SourceAnswer; token?: string }) {
  const steps = SENDER_STEPS[source.kind]
  return (
    <Stack gap="sm">
      {steps !== undefined && <Text size="sm">{steps}</Text>}
      <dl className={classes.settings}>
        {senderSettings(source, location.origin, token ?? TOKEN_UNKNOWN).map(({ label, value }) => (
          <div key={label} className={classes.setting}>
            <dt>{label}</dt>
            <dd>
              <code>{value}</code>
              <CopyButton value={value} label={label} />
            </dd>
          </div>
        ))}
      </dl>
      {token === undefined && (
        <Text size="sm" c="dimmed">
          A token is shown once, when it is made. Add another one if it is lost.
        </Text>
      )}
    </Stack>
  )
}
