import { expect, test } from 'vitest'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import { Traces } from '../core/traces.ts'
import { Alerts } from './alerts.ts'
import { ChannelDefinition, Channels } from './channels.ts'
import { forgetInAlerts } from './forgetting.ts'

const WHO = new Traces([{ kind: 'external_id', label: '', value: 'person-to-forget' }])

test.each(DIALECTS)(
  'on %s, words about a person leave alerts, notes and answers; others stay',
  async (dialect) => {
    const clock = new VirtualClock(1_000)
    const store = await freshStore(dialect, clock)
    const alerts = new Alerts(store, clock)
    const channels = new Channels(store, clock)
    const settings = { url: 'https://pager.example.com' }
    const channel = await channels.create(
      ChannelDefinition.parse({ name: 'hook', kind: 'webhook', settings }),
    )
    const alert = { about: { sort: 'current', name: 'one' }, kind: 'halted', contact: 'c@x.example' } as const
    await alerts.raise({ ...alert, current: 1, subject: 's', detail: 'Answer: person-to-forget is wrong' })
    await clock.advance(1)
    await alerts.raise({ ...alert, current: 2, subject: 'of somebody', detail: '' })
    const [, first] = await alerts.list()
    await alerts.acknowledge(first?.id ?? '', 'me', 'asked person-to-forget')
    await channels.noteTry(channel.id, false, 'person-to-forget?')

    const touched = [{ place: 'alerts', rows: 2 }]
    expect(await forgetInAlerts(store, WHO, true)).toEqual(touched)
    expect(await forgetInAlerts(store, WHO, false)).toEqual(touched)
    expect(await forgetInAlerts(store, WHO, true)).toEqual([{ place: 'alerts', rows: 0 }])
    expect(await alerts.get(first?.id ?? '')).toMatchObject({
      detail: 'Answer: **************** is wrong',
      acknowledgeNote: 'asked ****************',
    })
    expect((await channels.get('hook')).answer).toBe('****************?')
  },
)
