/** What was done, told in a corner for a moment. Failures are told where they happened instead. */

import { notifications } from '@mantine/notifications'

export function told(message: string): void {
  notifications.show({
    message,
    color: 'river',
    autoClose: 4_000,
    withBorder: true,
    closeButtonProps: { 'aria-label': 'Put it away' },
  })
}
