/**
 * What happens to people, as tables: a journey begins with one of the JOURNEYS and goes on by the steps
 * behind each event. Chances are those of the step given the event before it; delays are seconds of
 * simulated time after it.
 */

export interface Step {
  readonly type: string
  readonly chance: number
  readonly after: Delay
  /** Each of these may follow, independently. */
  readonly each?: readonly Step[]
  /** At most one follows; the chances add up to at most 1. */
  readonly oneOf?: readonly Step[]
  /** Values this event has in any case. */
  readonly set?: Readonly<Record<string, unknown>>
}

type Delay = readonly [minS: number, maxS: number]

export interface Journey {
  readonly name: string
  readonly weight: number
  /** Anybody with a device, only people with an external id, or people of whom some are unknown to Braze. */
  readonly who: 'anybody' | 'identified' | 'stranger'
  /** What sends the messages of the journey. */
  readonly sender: 'campaign' | 'canvas' | 'either' | 'none'
  readonly retired?: true
  /** Exactly one begins the journey; the chances add up to 1. */
  readonly begins: readonly Step[]
}

const AT_ONCE: Delay = [0, 2]
const SECONDS: Delay = [2, 30]
const MINUTES: Delay = [60, 1800]
const HOURS: Delay = [1800, 21_600]
const DAYS: Delay = [21_600, 259_200]

type Rest = Pick<Step, 'each' | 'oneOf' | 'set'>

function step(type: string, chance: number, after: Delay, rest: Rest = {}): Step {
  return { type, chance, after, ...rest }
}

const message = (name: string, chance: number, after: Delay, rest?: Rest): Step =>
  step(`users.messages.${name}`, chance, after, rest)

const behavior = (name: string, chance: number, after: Delay, rest?: Rest): Step =>
  step(`users.behaviors.${name}`, chance, after, rest)

/** Stands for the conversion of whatever sent the message. */
export const CONVERSION = 'conversion'

const purchase = (chance: number) => behavior('Purchase', chance, MINUTES)
const converts = (chance: number) => step(CONVERSION, chance, HOURS, { each: [purchase(0.5)] })

const unsubscribes = (channel: string, chance: number) =>
  behavior('subscription.GlobalStateChange', chance, AT_ONCE, {
    set: { channel, subscription_status: 'Unsubscribed', state_change_source: 'List-Unsubscribe' },
  })

/**
 * The channels: each list begins with exactly one of its steps. `chance` of the whole is given by the
 * caller.
 */
const EMAIL: readonly Step[] = [
  message('email.Abort', 0.02, AT_ONCE),
  message('email.Retry', 0.01, AT_ONCE, { each: [sentEmail(0.8, HOURS)] }),
  sentEmail(0.97, AT_ONCE),
]

function sentEmail(chance: number, after: Delay): Step {
  const opened = message('email.Open', 0.34, HOURS, {
    each: [
      message('email.Click', 0.22, MINUTES, { each: [converts(0.12)] }),
      message('email.Unsubscribe', 0.012, MINUTES, { each: [unsubscribes('email', 0.9)] }),
    ],
  })
  const delivered = (part: number, wait: Delay) =>
    message('email.Delivery', part, wait, {
      each: [
        message('email.Open', 0.18, SECONDS, { set: { machine_open: 'true' } }),
        opened,
        message('email.MarkAsSpam', 0.002, HOURS),
      ],
    })
  return message('email.Send', chance, after, {
    oneOf: [
      delivered(0.95, SECONDS),
      message('email.Bounce', 0.012, SECONDS),
      message('email.SoftBounce', 0.018, SECONDS),
      message('email.Deferral', 0.02, SECONDS, {
        oneOf: [delivered(0.7, HOURS), message('email.SoftBounce', 0.3, DAYS)],
      }),
    ],
  })
}

const PUSH: readonly Step[] = [
  message('pushnotification.Abort', 0.02, AT_ONCE),
  message('pushnotification.Retry', 0.01, AT_ONCE),
  message('pushnotification.Send', 0.97, AT_ONCE, {
    oneOf: [
      message('pushnotification.Open', 0.07, HOURS, { each: [converts(0.1)] }),
      message('pushnotification.IosForeground', 0.03, SECONDS),
      message('pushnotification.Bounce', 0.02, SECONDS, {
        each: [
          behavior('pushnotification.TokenStateChange', 0.8, SECONDS, {
            set: { push_token_state_change_type: 'remove' },
          }),
          behavior('Uninstall', 0.3, DAYS),
        ],
      }),
    ],
  }),
]

const SMS: readonly Step[] = [
  message('sms.Abort', 0.02, AT_ONCE),
  message('sms.Retry', 0.01, AT_ONCE),
  message('sms.Send', 0.97, AT_ONCE, {
    oneOf: [
      message('sms.CarrierSend', 0.97, SECONDS, {
        oneOf: [
          message('sms.Delivery', 0.96, SECONDS, {
            each: [message('sms.ShortLinkClick', 0.08, HOURS, { each: [converts(0.1)] })],
          }),
          message('sms.DeliveryFailure', 0.04, SECONDS),
        ],
      }),
      message('sms.Rejection', 0.03, SECONDS),
    ],
  }),
]

const WHATSAPP: readonly Step[] = [
  message('whatsapp.Abort', 0.03, AT_ONCE),
  message('whatsapp.Retry', 0.02, AT_ONCE),
  message('whatsapp.Send', 0.95, AT_ONCE, {
    oneOf: [
      message('whatsapp.Delivery', 0.95, SECONDS, {
        each: [
          message('whatsapp.Read', 0.6, HOURS, {
            each: [message('whatsapp.Click', 0.15, MINUTES, { each: [converts(0.15)] })],
          }),
        ],
      }),
      message('whatsapp.Failure', 0.05, SECONDS),
    ],
  }),
]

const RCS: readonly Step[] = [
  message('rcs.Abort', 0.03, AT_ONCE),
  message('rcs.Send', 0.97, AT_ONCE, {
    oneOf: [
      message('rcs.Delivery', 0.92, SECONDS, {
        each: [message('rcs.Read', 0.6, HOURS, { each: [message('rcs.Click', 0.2, MINUTES)] })],
      }),
      // A rejected RCS message is sent again as SMS under the same send and dispatch ids.
      message('rcs.Rejection', 0.08, SECONDS, {
        each: [
          message('sms.Send', 0.7, SECONDS, {
            each: [message('sms.Delivery', 0.9, SECONDS, { set: { is_sms_fallback: true } })],
          }),
        ],
      }),
    ],
  }),
]

const LINE: readonly Step[] = [
  message('line.Abort', 0.03, AT_ONCE),
  message('line.Retry', 0.02, AT_ONCE),
  message('line.Send', 0.95, AT_ONCE, { each: [message('line.Click', 0.15, HOURS)] }),
]

const WEBHOOK: readonly Step[] = [
  message('webhook.Abort', 0.02, AT_ONCE),
  message('webhook.Retry', 0.02, AT_ONCE),
  message('webhook.Send', 0.9, AT_ONCE),
  message('webhook.Failure', 0.06, SECONDS),
]

const CONTENT_CARD: readonly Step[] = [
  message('contentcard.Abort', 0.03, AT_ONCE),
  message('contentcard.Send', 0.97, AT_ONCE, {
    each: [
      message('contentcard.Impression', 0.4, HOURS, {
        oneOf: [message('contentcard.Click', 0.1, SECONDS), message('contentcard.Dismiss', 0.08, SECONDS)],
      }),
    ],
  }),
]

const IN_APP: readonly Step[] = [
  message('inappmessage.Abort', 0.05, SECONDS),
  message('inappmessage.Impression', 0.95, SECONDS, { each: [message('inappmessage.Click', 0.25, SECONDS)] }),
]

const BANNER: readonly Step[] = [
  message('banner.Abort', 0.04, SECONDS),
  message('banner.Impression', 0.96, SECONDS, {
    oneOf: [message('banner.Click', 0.06, SECONDS), message('banner.Dismiss', 0.05, SECONDS)],
  }),
]

/** The same steps with their chances scaled, to hang a channel under another step. */
function part(steps: readonly Step[], chance: number): readonly Step[] {
  return steps.map((one) => ({ ...one, chance: one.chance * chance }))
}

const progresses = (chance: number, after: Delay, rest?: Rest) =>
  step('users.canvasstep.Progression', chance, after, rest)

const CANVAS: readonly Step[] = [
  step('users.canvas.Entry', 1, AT_ONCE, {
    each: [
      step('users.canvas.experimentstep.SplitEntry', 0.25, AT_ONCE, {
        each: [step('users.canvas.experimentstep.Conversion', 0.1, DAYS)],
      }),
      step('users.canvas.costep.Send', 0.08, SECONDS),
      progresses(1, SECONDS, {
        each: [progresses(0.5, DAYS)],
        oneOf: [...part(EMAIL, 0.55), ...part(PUSH, 0.25), ...part(SMS, 0.1), ...part(WEBHOOK, 0.1)],
      }),
      step('users.canvas.exit.MatchedAudience', 0.08, DAYS),
      step('users.canvas.exit.PerformedEvent', 0.12, DAYS),
      step('users.canvas.Conversion', 0.08, DAYS),
    ],
  }),
]

const SESSION_STARTED: readonly Step[] = [
  behavior('CustomEvent', 0.7, SECONDS, {
    each: [behavior('CustomEvent', 0.6, SECONDS, { each: [behavior('CustomEvent', 0.5, SECONDS)] })],
  }),
  behavior('Location', 0.15, SECONDS),
  purchase(0.08),
  message('featureflag.Impression', 0.15, SECONDS),
  behavior('app.SessionEnd', 0.95, MINUTES),
]

const SESSION: readonly Step[] = [
  behavior('app.FirstSession', 0.06, AT_ONCE, {
    each: [
      behavior('app.SessionStart', 1, AT_ONCE, { each: SESSION_STARTED }),
      behavior('InstallAttribution', 0.6, MINUTES),
      behavior('pushnotification.TokenStateChange', 0.7, SECONDS, {
        set: { push_token_state_change_type: 'add' },
      }),
    ],
  }),
  behavior('app.SessionStart', 0.94, AT_ONCE, { each: SESSION_STARTED }),
]

const LIVE_ACTIVITY: readonly Step[] = [
  behavior('liveactivity.PushToStartTokenChange', 1, AT_ONCE, {
    each: [liveActivity('start', MINUTES, [behavior('liveactivity.UpdateTokenChange', 0.9, SECONDS)])],
  }),
]

function liveActivity(kind: string, after: Delay, more: readonly Step[]): Step {
  const set = { live_activity_event_type: kind }
  const next = kind === 'start' ? 'update' : kind === 'update' ? 'end' : undefined
  return message('liveactivity.Send', 0.9, after, {
    set,
    each: [
      message('liveactivity.Outcome', 0.95, SECONDS, { set }),
      ...more,
      ...(next === undefined ? [] : [liveActivity(next, MINUTES, [])]),
    ],
  })
}

const INBOUND: readonly Step[] = [
  message('sms.InboundReceive', 0.4, AT_ONCE, {
    each: [
      behavior('subscriptiongroup.StateChange', 0.3, SECONDS, {
        set: { channel: 'sms', subscription_status: 'Unsubscribed', state_change_source: 'Inbound Message' },
      }),
    ],
  }),
  message('whatsapp.InboundReceive', 0.4, AT_ONCE),
  message('rcs.InboundReceive', 0.2, AT_ONCE),
]

const AGENT_RUN: readonly Step[] = [
  step('agentconsole.AgentExecuted', 1, AT_ONCE, {
    each: [step('agentconsole.ToolInvocation', 0.6, AT_ONCE)],
  }),
]

const SUBSCRIPTION: readonly Step[] = [
  behavior('subscription.GlobalStateChange', 0.5, AT_ONCE),
  behavior('subscriptiongroup.StateChange', 0.5, AT_ONCE),
]

const NEWS_FEED: readonly Step[] = [
  message('newsfeedcard.Abort', 0.1, AT_ONCE),
  message('newsfeedcard.Impression', 0.9, AT_ONCE, { each: [message('newsfeedcard.Click', 0.3, SECONDS)] }),
]

export const JOURNEYS: readonly Journey[] = [
  { name: 'email', weight: 24, who: 'identified', sender: 'campaign', begins: EMAIL },
  { name: 'push', weight: 22, who: 'anybody', sender: 'campaign', begins: PUSH },
  { name: 'sms', weight: 6, who: 'identified', sender: 'campaign', begins: SMS },
  { name: 'whatsapp', weight: 4, who: 'identified', sender: 'campaign', begins: WHATSAPP },
  { name: 'rcs', weight: 2, who: 'identified', sender: 'campaign', begins: RCS },
  { name: 'line', weight: 2, who: 'identified', sender: 'campaign', begins: LINE },
  { name: 'webhook', weight: 3, who: 'identified', sender: 'campaign', begins: WEBHOOK },
  { name: 'content card', weight: 5, who: 'anybody', sender: 'either', begins: CONTENT_CARD },
  { name: 'in-app message', weight: 6, who: 'anybody', sender: 'either', begins: IN_APP },
  { name: 'banner', weight: 4, who: 'anybody', sender: 'either', begins: BANNER },
  { name: 'canvas', weight: 7, who: 'identified', sender: 'canvas', begins: CANVAS },
  {
    name: 'control group',
    weight: 1,
    who: 'identified',
    sender: 'campaign',
    begins: [step('users.campaigns.EnrollInControl', 1, AT_ONCE)],
  },
  { name: 'session', weight: 12, who: 'anybody', sender: 'campaign', begins: SESSION },
  { name: 'live activity', weight: 0.7, who: 'identified', sender: 'none', begins: LIVE_ACTIVITY },
  { name: 'inbound', weight: 1.3, who: 'stranger', sender: 'either', begins: INBOUND },
  {
    name: 'inbound line',
    weight: 0.4,
    who: 'identified',
    sender: 'either',
    begins: [message('line.InboundReceive', 1, AT_ONCE)],
  },
  { name: 'subscription', weight: 1.2, who: 'identified', sender: 'none', begins: SUBSCRIPTION },
  { name: 'agent', weight: 0.8, who: 'stranger', sender: 'canvas', begins: AGENT_RUN },
  { name: 'news feed', weight: 1, who: 'anybody', sender: 'none', retired: true, begins: NEWS_FEED },
]
