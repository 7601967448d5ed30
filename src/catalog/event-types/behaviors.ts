/** What users and profiles do without a message, and changes of their subscriptions. */

import {
  AD,
  ANY_USER,
  CANVAS,
  type ChannelTypes,
  DEVICE,
  DEVICE_USER,
  HTTP_DEVICE_USER,
  IDS,
  MESSAGE,
  SEND,
} from '../notation.ts'

export const appBehaviors: ChannelTypes = {
  channel: 'app',
  title: 'Apps',
  category: 'customer_behavior',
  prefix: 'users.behaviors.',
  user: DEVICE_USER,
  types: {
    CustomEvent: {
      title: 'Custom event',
      about: 'The user did something the customer logs by name.',
      since: '2019-08-14',
      user: ANY_USER,
      fields: `${AD} ${DEVICE} app_group_id app_id custom_properties^ name! properties!~`,
    },
    InstallAttribution: {
      title: 'Install attributed',
      about: 'An install was credited to an advertising source.',
      since: '2019-08-14',
      segment: ['Install Attribution', 'glossary'],
      user: 'user_id! external_user_id device_id^',
      fields: 'app_group_id source!',
    },
    Location: {
      title: 'Location recorded',
      about: 'The SDK or the API recorded where the user is.',
      since: '2019-08-14',
      segment: ['Location', 'glossary'],
      fields: `
        ${AD} ${DEVICE} alt_accuracy altitude app_group_id app_id! latitude! ll_accuracy longitude!`,
    },
    Purchase: {
      title: 'Purchase',
      about: 'The user bought a product.',
      since: '2019-08-14',
      segment: ['Purchased', 'glossary'],
      fields: `
        ${AD} ${DEVICE} app_group_id app_id currency! price! product_id! properties!~
        purchase_properties^`,
    },
    'app.FirstSession': {
      title: 'First session',
      about: 'The first session of the user; a session start comes as well.',
      since: '2019-08-14',
      segment: ['First Session', 'glossary'],
      user: ANY_USER,
      fields: `
        ${DEVICE} app_group_id app_id! country~%* gender~%* language~%* sdk_version~* session_id!`,
    },
    'app.NewsFeedImpression': {
      title: 'News Feed viewed',
      about: 'The News Feed was looked at.',
      since: '2019-08-14',
      reach: 'none',
      retired: true,
      segment: ['News Feed Viewed', 'page'],
      listed: true,
      fields: `${DEVICE} app_id!`,
    },
    'app.SessionEnd': {
      title: 'Session ended',
      about: 'The user left the app.',
      since: '2019-08-14',
      segment: ['Session Ended', 'glossary'],
      fields: `${DEVICE} app_group_id app_id! duration:float session_id!`,
    },
    'app.SessionStart': {
      title: 'Session started',
      about: 'The user opened the app.',
      since: '2019-08-14',
      segment: ['Session Started', 'glossary'],
      fields: `${DEVICE} app_group_id app_id! session_id!`,
    },
  },
}

export const appEngagement: ChannelTypes = {
  channel: 'app',
  title: 'Apps',
  category: 'message_engagement',
  prefix: 'users.behaviors.',
  user: DEVICE_USER,
  types: {
    Uninstall: {
      title: 'App uninstalled',
      about: 'The app looks uninstalled: guessed from the daily silent push, not exact.',
      since: '2019-08-14',
      segment: ['Application Uninstalled', 'glossary'],
      listed: true,
      fields: 'app_group_id app_id!',
    },
  },
}

export const subscription: ChannelTypes = {
  channel: 'subscription',
  title: 'Subscriptions',
  category: 'message_engagement',
  prefix: 'users.behaviors.',
  user: 'user_id! external_user_id timezone',
  types: {
    'subscription.GlobalStateChange': {
      title: 'Global subscription changed',
      about: 'A change of the overall subscription state was asked for.',
      since: '2023-01-31',
      segment: ['Global Subscription State Changed', 'glossary'],
      listed: true,
      fields: `
        ${MESSAGE} message_variation_name^ app_id channel channel_identifier email_address send_id
        state_change_source subscription_status!`,
    },
    'subscriptiongroup.StateChange': {
      title: 'Subscription group changed',
      about: 'The state of the user in one subscription group changed.',
      since: '2019-08-15',
      segment: ['Subscription Group State Changed', 'glossary'],
      listed: true,
      user: HTTP_DEVICE_USER,
      fields: `
        ${MESSAGE} ${SEND} app_id channel channel_identifier email_address phone_number
        state_change_source subscription_group_id! subscription_status!`,
    },
  },
}

export const profile: ChannelTypes = {
  channel: 'profile',
  title: 'Profiles',
  category: 'customer_behavior',
  prefix: 'users.',
  user: IDS,
  types: {
    RandomBucketNumberUpdate: {
      title: 'Random bucket changed',
      about: 'The profile got another random bucket number. Needs the all-events entitlement.',
      since: '2021-08-12',
      reach: 'storage',
      fields: 'app_group_id prev_random_bucket_number random_bucket_number!',
    },
    UserDeleteRequest: {
      title: 'Profile deleted',
      about: 'A deletion of the profile was asked for.',
      since: '2026-06-29',
      reach: 'storage',
      user: 'user_id!',
      fields: 'app_group_id',
    },
    UserOrphan: {
      title: 'Profile merged away',
      about: 'The profile was merged into another one and lives on only there.',
      since: '2026-06-29',
      reach: 'storage',
      user: DEVICE_USER,
      fields: 'app_group_id app_id orphaned_by_id!',
    },
    'profile.Update': {
      title: 'Profile changed',
      about: 'Standard fields or custom attributes of the profile changed.',
      since: '2026-06-29',
      reach: 'storage',
      user: 'user_id! external_user_id timezone',
      fields: `
        app_group_id app_id archived country custom_attributes dob email_address first_name gender
        home_city language last_name phone_number time_ms! update_source!`,
    },
  },
}

export const agentConsole: ChannelTypes = {
  channel: 'agent_console',
  title: 'AI agents',
  category: 'customer_behavior',
  prefix: 'agentconsole.',
  user: 'user_id external_user_id',
  types: {
    AgentExecuted: {
      title: 'Agent ran',
      about: 'An AI agent answered or decided something, with its model and token counts.',
      since: '2026-01-23',
      longTime: true,
      fields: `
        ${CANVAS} agent_id! agent_name! cache_hit! cache_tokens! completion_tokens! duration! error
        input invocation_id! invocation_source is_error! llm_owned_by_customer! model_name!
        model_provider! output prompt_tokens! provider_request_id reasoning_tokens! request_id!
        total_tokens!`,
    },
    ToolInvocation: {
      title: 'Agent called a tool',
      about: 'One tool call within an agent run. The user object is empty.',
      since: '2026-01-23',
      longTime: true,
      user: '',
      fields: `
        agent_id! agent_name! duration! invocation_source is_error! request_id tool_arguments!
        tool_call_id! tool_name!`,
    },
  },
}
