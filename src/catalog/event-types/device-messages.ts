/**
 * Messages that an app, a site or a device shows: push, in-app messages, cards, banners, flags, Live
 * Activities.
 */

import {
  ABORT,
  AD,
  ANY_USER,
  type ChannelTypes,
  DEVICE,
  DEVICE_USER,
  IDS,
  MESSAGE,
  PROFILE,
  PROFILE_DEVICE,
  RETRY,
  SEND,
  VARIANT,
} from '../notation.ts'

export const pushBehaviors: ChannelTypes = {
  channel: 'push',
  title: 'Push notifications',
  category: 'customer_behavior',
  prefix: 'users.behaviors.pushnotification.',
  user: IDS,
  types: {
    TokenStateChange: {
      title: 'Push token changed',
      about: 'A push token was added, updated or removed. A move to another user gives two events.',
      since: '2025-04-14',
      segment: ['Push Notification Token State Changed', 'glossary'],
      fields: `
        app_group_id app_id ios_push_token_apns_gateway platform push_token push_token_created_at
        push_token_device_id push_token_foreground_push_disabled push_token_provisionally_opted_in
        push_token_state_change_type push_token_updated_at sdk_version~ time_ms
        web_push_token_public_key web_push_token_user_auth web_push_token_vapid_public_key`,
    },
  },
}

export const pushEngagement: ChannelTypes = {
  channel: 'push',
  title: 'Push notifications',
  category: 'message_engagement',
  prefix: 'users.messages.pushnotification.',
  user: ANY_USER,
  types: {
    Abort: {
      title: 'Push aborted',
      about: 'The planned push notification was dropped before sending.',
      since: '2023-01-31',
      segment: ['Push Notification Aborted', 'inferred'],
      listed: true,
      fields: `${MESSAGE} ${VARIANT} ${SEND} ${ABORT} app_id platform!`,
    },
    Bounce: {
      title: 'Push bounced',
      about: 'The push service no longer accepts the token.',
      since: '2019-08-14',
      segment: ['Push Notification Bounced', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} ${AD} app_id! platform push_token`,
    },
    IosForeground: {
      title: 'Push shown in the foreground',
      about: 'The push notification came in while the iOS app was open.',
      since: '2019-08-14',
      segment: ['iOS Foreground Push Opened', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} ${AD} app_id! device_model^ os_version^ platform!`,
    },
    Open: {
      title: 'Push opened',
      about: 'The push notification was opened.',
      since: '2019-08-14',
      segment: ['Push Notification Tapped', 'glossary'],
      listed: true,
      fields: `${MESSAGE} ${VARIANT} ${SEND} ${AD} ${DEVICE} app_id! button_action_type button_string`,
    },
    Retry: {
      title: 'Push retried later',
      about: 'The push notification was held back by prioritization or a cap and will be tried again.',
      since: '2026-01-23',
      fields: `${MESSAGE} ${VARIANT} ${SEND} ${PROFILE} ${RETRY} app_id platform!`,
    },
    Send: {
      title: 'Push sent',
      about: 'The push notification was handed to the provider; no proof of delivery.',
      since: '2019-08-14',
      segment: ['Push Notification Sent', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} ${AD} app_id! locale_key message_extras platform! push_token`,
    },
  },
}

export const inAppMessage: ChannelTypes = {
  channel: 'in_app_message',
  title: 'In-app messages',
  category: 'message_engagement',
  prefix: 'users.messages.inappmessage.',
  user: ANY_USER,
  types: {
    Abort: {
      title: 'In-app message aborted',
      about: 'The planned in-app message was dropped before sending.',
      since: '2023-01-31',
      segment: ['In-App Message Aborted', 'inferred'],
      listed: true,
      fields: `
        ${MESSAGE} ${VARIANT} ${SEND} ${AD} ${DEVICE} ${ABORT} app_id browser~ card_id carrier~
        resolution~ version!~`,
    },
    Click: {
      title: 'In-app message clicked',
      about: 'A link or button of the in-app message was clicked.',
      since: '2019-08-14',
      segment: ['In-App Message Clicked', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} ${AD} ${DEVICE} dispatch_id^ app_id! button_id card_id`,
    },
    Impression: {
      title: 'In-app message viewed',
      about: 'The in-app message was shown.',
      since: '2019-08-14',
      segment: ['In-App Message Viewed', 'glossary'],
      listed: true,
      fields: `
        ${MESSAGE} ${SEND} ${AD} ${DEVICE} dispatch_id^ app_id! card_id locale_key message_extras`,
    },
  },
}

export const contentCard: ChannelTypes = {
  channel: 'content_card',
  title: 'Content Cards',
  category: 'message_engagement',
  prefix: 'users.messages.contentcard.',
  user: ANY_USER,
  types: {
    Abort: {
      title: 'Content Card aborted',
      about: 'The planned Content Card was dropped before sending.',
      since: '2023-01-31',
      segment: ['Content Card Aborted', 'glossary'],
      listed: true,
      fields: `${MESSAGE} ${VARIANT} ${SEND} ${ABORT}`,
    },
    Click: {
      title: 'Content Card clicked',
      about: 'A link or button of the Content Card was clicked.',
      since: '2019-08-15',
      segment: ['Content Card Clicked', 'glossary'],
      listed: true,
      fields: `${MESSAGE} ${SEND} ${AD} ${DEVICE} dispatch_id^ app_id! content_card_id!`,
    },
    Dismiss: {
      title: 'Content Card dismissed',
      about: 'The Content Card was closed by the user.',
      since: '2019-08-15',
      segment: ['Content Card Dismissed', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} ${AD} ${DEVICE} dispatch_id^ app_id! content_card_id!`,
    },
    Impression: {
      title: 'Content Card viewed',
      about: 'The Content Card was shown.',
      since: '2019-08-15',
      segment: ['Content Card Viewed', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} ${AD} ${DEVICE} dispatch_id^ app_id! content_card_id!`,
    },
    Send: {
      title: 'Content Card sent',
      about: 'The Content Card was handed to the provider; no proof of delivery.',
      since: '2019-08-15',
      segment: ['Content Card Sent', 'glossary'],
      listed: true,
      fields: `${MESSAGE} ${SEND} dispatch_id^ content_card_id! message_extras`,
    },
  },
}

export const banner: ChannelTypes = {
  channel: 'banner',
  title: 'Banners',
  category: 'message_engagement',
  prefix: 'users.messages.banner.',
  user: ANY_USER,
  types: {
    Abort: {
      title: 'Banner aborted',
      about: 'The planned banner was dropped before sending.',
      since: '2025-07-09',
      segment: ['Banner Aborted', 'inferred'],
      fields: `
        ${MESSAGE} ${VARIANT} ${AD} ${DEVICE} ${PROFILE} ${PROFILE_DEVICE} ${ABORT} app_id
        banner_placement_id browser canvas_step_message_variation_api_id^`,
    },
    Click: {
      title: 'Banner clicked',
      about: 'A link or button of the banner was clicked.',
      since: '2025-07-09',
      segment: ['Banner Clicked', 'glossary'],
      fields: `
        ${MESSAGE} ${VARIANT} ${AD} ${DEVICE} ${PROFILE} ${PROFILE_DEVICE} app_id banner_placement_id
        browser button_id canvas_step_message_variation_api_id^`,
    },
    Dismiss: {
      title: 'Banner dismissed',
      about: 'The banner was closed by the user.',
      since: '2026-04-23',
      segment: ['Banner Dismissed', 'inferred'],
      fields: `
        ${MESSAGE} ${VARIANT} ${AD} ${DEVICE} app_id banner_placement_id browser button_id
        canvas_step_message_variation_api_id^ carrier country gender language resolution sdk_version`,
    },
    Impression: {
      title: 'Banner viewed',
      about: 'The banner was shown.',
      since: '2025-07-09',
      segment: ['Banner Viewed', 'glossary'],
      fields: `
        ${MESSAGE} ${VARIANT} ${AD} ${DEVICE} ${PROFILE} ${PROFILE_DEVICE} app_id banner_placement_id
        browser canvas_step_message_variation_api_id^`,
    },
  },
}

export const featureFlag: ChannelTypes = {
  channel: 'feature_flag',
  title: 'Feature flags',
  category: 'message_engagement',
  prefix: 'users.messages.featureflag.',
  user: ANY_USER,
  types: {
    Impression: {
      title: 'Feature flag viewed',
      about: 'The user met a feature flag experiment.',
      since: '2024-10-24',
      segment: ['Feature Flag Experiment Impressed', 'glossary'],
      fields: `
        ${MESSAGE} ${VARIANT} ${DEVICE} ${PROFILE} ${PROFILE_DEVICE} app_id browser
        feature_flag_id_name`,
    },
  },
}

export const liveActivityBehaviors: ChannelTypes = {
  channel: 'live_activity',
  title: 'Live Activities',
  category: 'customer_behavior',
  prefix: 'users.behaviors.liveactivity.',
  user: DEVICE_USER,
  types: {
    PushToStartTokenChange: {
      title: 'Push-to-start token changed',
      about: 'A token for starting Live Activities was added or removed.',
      since: '2025-04-14',
      segment: ['Live Activity Push To Start Token Changed', 'glossary'],
      fields: `
        activity_attributes_type app_group_id app_id ios_push_token_apns_gateway push_to_start_token
        push_token_state_change_type sdk_version~`,
    },
    UpdateTokenChange: {
      title: 'Update token changed',
      about: 'A token for updating one Live Activity was added or removed.',
      since: '2025-04-14',
      segment: ['Live Activity Update Token Changed', 'glossary'],
      fields: `
        activity_id app_group_id app_id ios_push_token_apns_gateway push_token_state_change_type
        sdk_version~ update_token`,
    },
  },
}

export const liveActivityEngagement: ChannelTypes = {
  channel: 'live_activity',
  title: 'Live Activities',
  category: 'message_engagement',
  prefix: 'users.messages.liveactivity.',
  user: IDS,
  types: {
    Outcome: {
      title: 'Live Activity outcome',
      about: 'What became of a Live Activity request.',
      since: '2025-04-14',
      segment: ['Live Activity Outcome', 'glossary'],
      fields: `
        activity_attributes_type activity_id app_group_id app_id live_activity_event_outcome
        live_activity_event_type push_to_start_token update_token`,
    },
    Send: {
      title: 'Live Activity sent',
      about: 'The Live Activity was handed to the provider; no proof of delivery.',
      since: '2025-04-14',
      segment: ['Live Activity Sent', 'glossary'],
      fields: `
        activity_attributes_type activity_id app_group_id app_id live_activity_event_type
        push_to_start_token update_token`,
    },
  },
}

export const newsFeed: ChannelTypes = {
  channel: 'news_feed',
  title: 'News Feed',
  category: 'message_engagement',
  prefix: 'users.messages.newsfeedcard.',
  user: ANY_USER,
  types: {
    Abort: {
      title: 'News Feed card aborted',
      about: 'The planned News Feed card was dropped before sending.',
      since: '2023-01-31',
      reach: 'http',
      retired: true,
      segment: ['News Feed Card Aborted', 'inferred'],
      listed: true,
      fields: `
        ${DEVICE} ${ABORT} abort_log% app_group_id app_id browser- campaign_name- canvas_name-
        canvas_step_name- canvas_variation_name- card_id carrier- message_variation_name- resolution-`,
    },
    Click: {
      title: 'News Feed card clicked',
      about: 'A link or button of the News Feed card was clicked.',
      since: '2019-08-14',
      reach: 'http',
      retired: true,
      segment: ['News Feed Card Clicked', 'page'],
      listed: true,
      fields: `${DEVICE} app_id! card_id!`,
    },
    Impression: {
      title: 'News Feed card viewed',
      about: 'The News Feed card was shown.',
      since: '2019-08-14',
      reach: 'http',
      retired: true,
      segment: ['News Feed Card Viewed', 'page'],
      listed: true,
      fields: `${DEVICE} app_id! card_id!`,
    },
  },
}
