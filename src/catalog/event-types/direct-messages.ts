/** Messages sent to an address: email, SMS, RCS, LINE, WhatsApp, webhooks. */

import {
  ABORT,
  ANY_USER,
  type ChannelTypes,
  DEVICE_USER,
  HTTP_DEVICE_USER,
  IDS,
  LINE,
  LINE_MESSAGE,
  MESSAGE,
  PROFILE,
  RETRY,
  SEND,
  VARIANT,
} from '../notation.ts'

export const email: ChannelTypes = {
  channel: 'email',
  title: 'Email',
  category: 'message_engagement',
  prefix: 'users.messages.email.',
  user: HTTP_DEVICE_USER,
  types: {
    Abort: {
      title: 'Email aborted',
      about: 'The planned email was dropped before sending.',
      since: '2023-01-31',
      segment: ['Email Aborted', 'glossary'],
      listed: true,
      user: ANY_USER,
      fields: `${MESSAGE} ${VARIANT} ${SEND} ${ABORT} email_address! ip_pool`,
    },
    Bounce: {
      title: 'Email bounced',
      about: 'The email was refused for good.',
      since: '2019-08-14',
      segment: ['Email Bounced', 'page'],
      listed: true,
      fields: `
        ${MESSAGE} ${SEND} bounce_reason email_address! esp from_domain ip_pool is_drop sending_ip`,
    },
    Click: {
      title: 'Email clicked',
      about: 'A link or button of the email was clicked.',
      since: '2019-08-14',
      segment: ['Email Link Clicked', 'glossary'],
      listed: true,
      fields: `
        ${MESSAGE} ${SEND} browser device_class device_model device_os email_address! esp from_domain
        ip_pool is_amp is_suspected_bot_click link_alias link_id mailbox_provider
        suspected_bot_click_reason url user_agent`,
    },
    Deferral: {
      title: 'Email deferred',
      about: 'The mailbox provider put the email off; tries go on for up to 72 hours.',
      since: '2025-02-25',
      segment: ['Email Deferred', 'glossary'],
      user: 'user_id! external_user_id timezone',
      fields: `
        ${MESSAGE} ${VARIANT} ${SEND} attempt_count deferral_reason email_address! esp from_domain
        ip_pool recipient_domain sending_ip`,
    },
    Delivery: {
      title: 'Email delivered',
      about: 'The email arrived.',
      since: '2019-08-14',
      segment: ['Email Delivered', 'glossary'],
      listed: true,
      fields: `${MESSAGE} ${SEND} email_address! esp from_domain ip_pool sending_ip`,
    },
    MarkAsSpam: {
      title: 'Email marked as spam',
      about: 'The user reported the email as spam.',
      since: '2019-08-14',
      segment: ['Email Marked As Spam', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} email_address! esp from_domain ip_pool user_agent`,
    },
    Open: {
      title: 'Email opened',
      about: 'The email was opened, by the user or by a machine (machine_open).',
      since: '2019-08-14',
      segment: ['Email Opened', 'page'],
      listed: true,
      fields: `
        ${MESSAGE} ${SEND} browser device_class device_model device_os email_address! esp from_domain
        ip_pool is_amp machine_open mailbox_provider user_agent`,
    },
    Retry: {
      title: 'Email retried later',
      about: 'The email was held back by prioritization or a cap and will be tried again.',
      since: '2026-01-23',
      user: ANY_USER,
      fields: `${MESSAGE} ${VARIANT} ${SEND} ${PROFILE} ${RETRY} email_address! ip_pool`,
    },
    Send: {
      title: 'Email sent',
      about: 'The email was handed to the provider; no proof of delivery.',
      since: '2019-08-14',
      segment: ['Email Sent', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} email_address! from_domain~ ip_pool message_extras`,
    },
    SoftBounce: {
      title: 'Email soft-bounced',
      about: 'The email was refused for now.',
      since: '2019-08-14',
      segment: ['Email Soft Bounced', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} bounce_reason email_address! esp from_domain ip_pool sending_ip`,
    },
    Unsubscribe: {
      title: 'Email unsubscribed',
      about: 'The user unsubscribed through the email.',
      since: '2019-08-14',
      segment: ['Email Unsubscribed', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} email_address! ip_pool`,
    },
  },
}

export const sms: ChannelTypes = {
  channel: 'sms',
  title: 'SMS',
  category: 'message_engagement',
  prefix: 'users.messages.sms.',
  user: HTTP_DEVICE_USER,
  types: {
    Abort: {
      title: 'SMS aborted',
      about: 'The planned text message was dropped before sending.',
      since: '2023-01-31',
      segment: ['SMS Aborted', 'inferred'],
      listed: true,
      user: IDS,
      fields: `${MESSAGE} ${VARIANT} ${ABORT} subscription_group_id`,
    },
    CarrierSend: {
      title: 'SMS passed to the carrier',
      about: 'The text message was handed to the carrier.',
      since: '2020-02-19',
      segment: ['SMS Sent to Carrier', 'page'],
      listed: true,
      fields: `${MESSAGE} ${SEND} from_phone_number subscription_group_id to_phone_number`,
    },
    Delivery: {
      title: 'SMS delivered',
      about: 'The text message arrived.',
      since: '2020-02-19',
      segment: ['SMS Delivered', 'page'],
      listed: true,
      fields: `
        ${MESSAGE} ${SEND} from_phone_number is_sms_fallback subscription_group_id to_phone_number`,
    },
    DeliveryFailure: {
      title: 'SMS not delivered',
      about: 'The text message could not be delivered.',
      since: '2020-02-19',
      segment: ['SMS Delivery Failed', 'page'],
      listed: true,
      fields: `
        ${MESSAGE} ${SEND} error is_sms_fallback provider_error_code subscription_group_id
        to_phone_number`,
    },
    InboundReceive: {
      title: 'SMS received from the user',
      about: 'The user wrote to us.',
      since: '2021-01-05',
      segment: ['SMS Inbound Received', 'page'],
      listed: true,
      user: 'user_id external_user_id',
      fields: `
        ${MESSAGE} app_group_id! action! inbound_phone_number! media_urls message_body!
        subscription_group_id user_phone_number!`,
    },
    Rejection: {
      title: 'SMS rejected',
      about: 'The carrier refused the text message.',
      since: '2020-02-19',
      segment: ['SMS Rejected', 'page'],
      listed: true,
      fields: `
        ${MESSAGE} ${SEND} error from_phone_number is_sms_fallback provider_error_code
        subscription_group_id to_phone_number`,
    },
    Retry: {
      title: 'SMS retried later',
      about: 'The text message was held back by prioritization or a cap and will be tried again.',
      since: '2026-01-23',
      user: IDS,
      fields: `${MESSAGE} ${VARIANT} ${RETRY} subscription_group_id`,
    },
    Send: {
      title: 'SMS sent',
      about: 'The text message was handed to the provider; no proof of delivery.',
      since: '2020-02-19',
      segment: ['SMS Sent', 'glossary'],
      listed: true,
      fields: `${MESSAGE} ${SEND} category message_extras subscription_group_id to_phone_number`,
    },
    ShortLinkClick: {
      title: 'SMS link clicked',
      about: 'A shortened link in the text message was clicked.',
      since: '2023-01-31',
      segment: ['SMS Short Link Clicked', 'glossary'],
      listed: true,
      fields: `
        ${MESSAGE} is_suspected_bot_click short_url! suspected_bot_click_reason url! user_agent
        user_phone_number`,
    },
  },
}

export const rcs: ChannelTypes = {
  channel: 'rcs',
  title: 'RCS',
  category: 'message_engagement',
  prefix: 'users.messages.rcs.',
  user: DEVICE_USER,
  types: {
    Abort: {
      title: 'RCS aborted',
      about: 'The planned RCS message was dropped before sending.',
      since: '2025-10-08',
      segment: ['Aborted', 'glossary'],
      user: IDS,
      fields: `${MESSAGE} ${VARIANT} ${ABORT} subscription_group_id`,
    },
    Click: {
      title: 'RCS clicked',
      about: 'A link or button of the RCS message was clicked.',
      since: '2025-10-08',
      segment: ['Clicked', 'inferred'],
      fields: `
        ${MESSAGE} ${VARIANT} element_label element_type interaction_type! is_suspected_bot_click
        send_id short_url subscription_group_id suspected_bot_click_reason url user_agent
        user_phone_number`,
    },
    Delivery: {
      title: 'RCS delivered',
      about: 'The RCS message arrived.',
      since: '2025-10-08',
      segment: ['Delivered', 'glossary'],
      fields: `${MESSAGE} ${VARIANT} ${SEND} from_rcs_sender subscription_group_id to_phone_number!`,
    },
    InboundReceive: {
      title: 'RCS received from the user',
      about: 'The user wrote to us.',
      since: '2025-10-08',
      segment: ['Inbound Received', 'glossary'],
      user: 'user_id external_user_id',
      fields: `
        ${MESSAGE} ${VARIANT} action! media_urls message_body! send_id subscription_group_id
        to_rcs_sender! user_phone_number!`,
    },
    Read: {
      title: 'RCS read',
      about: 'The RCS message was read.',
      since: '2025-10-08',
      segment: ['Read', 'glossary'],
      user: IDS,
      fields: `${MESSAGE} ${VARIANT} to_phone_number!`,
    },
    Rejection: {
      title: 'RCS rejected',
      about: 'The carrier refused the RCS message.',
      since: '2025-10-08',
      segment: ['Rejected', 'glossary'],
      fields: `
        ${MESSAGE} ${VARIANT} ${SEND} error from_rcs_sender is_sms_fallback provider_error_code
        subscription_group_id to_phone_number!`,
    },
    Send: {
      title: 'RCS sent',
      about: 'The RCS message was handed to the provider; no proof of delivery.',
      since: '2025-10-08',
      segment: ['Sent', 'glossary'],
      fields: `
        ${MESSAGE} ${VARIANT} ${SEND} category from_rcs_sender message_extras% subscription_group_id
        to_phone_number!`,
    },
  },
}

export const line: ChannelTypes = {
  channel: 'line',
  title: 'LINE',
  category: 'message_engagement',
  prefix: 'users.messages.line.',
  user: ANY_USER,
  types: {
    Abort: {
      title: 'LINE aborted',
      about: 'The planned LINE message was dropped before sending.',
      since: '2025-10-08',
      segment: ['Aborted', 'glossary'],
      fields: `${LINE_MESSAGE} ${LINE} ${ABORT}`,
    },
    Click: {
      title: 'LINE clicked',
      about: 'A link or button of the LINE message was clicked.',
      since: '2025-10-08',
      segment: ['Clicked', 'glossary'],
      fields: `${LINE_MESSAGE} ${LINE} is_suspected_bot_click short_url! url! user_agent`,
    },
    InboundReceive: {
      title: 'LINE received from the user',
      about: 'The user wrote to us.',
      since: '2025-10-08',
      segment: ['LINE Inbound Received', 'glossary'],
      fields: `${LINE_MESSAGE} ${LINE} media_id message_body`,
    },
    Retry: {
      title: 'LINE retried later',
      about: 'The LINE message was held back by prioritization or a cap and will be tried again.',
      since: '2026-01-23',
      fields: `${LINE_MESSAGE} ${RETRY} line_channel_id line_channel_name native_line_id`,
    },
    Send: {
      title: 'LINE sent',
      about: 'The LINE message was handed to the provider; no proof of delivery.',
      since: '2025-10-08',
      segment: ['Sent', 'glossary'],
      fields: `${LINE_MESSAGE} ${LINE} message_extras`,
    },
  },
}

export const whatsapp: ChannelTypes = {
  channel: 'whatsapp',
  title: 'WhatsApp',
  category: 'message_engagement',
  prefix: 'users.messages.whatsapp.',
  user: ANY_USER,
  types: {
    Abort: {
      title: 'WhatsApp aborted',
      about: 'The planned WhatsApp message was dropped before sending.',
      since: '2023-07-12',
      longTime: true,
      segment: ['WhatsApp Aborted', 'inferred'],
      listed: true,
      fields: `${MESSAGE} ${VARIANT} ${ABORT} bsuid dispatch_id subscription_group_id to_phone_number`,
    },
    Click: {
      title: 'WhatsApp link clicked',
      about: 'A tracked link in the WhatsApp message was clicked.',
      since: '2025-04-14',
      segment: ['WhatsApp Tracked Link Clicked', 'glossary'],
      fields: `${MESSAGE} ${VARIANT} short_url! url! user_agent user_phone_number`,
    },
    Delivery: {
      title: 'WhatsApp delivered',
      about: 'The WhatsApp message arrived.',
      since: '2023-07-12',
      longTime: true,
      segment: ['WhatsApp Delivered', 'inferred'],
      listed: true,
      fields: `
        ${MESSAGE} ${VARIANT} ${SEND} bsuid flow_id from_phone_number! message_id subscription_group_id
        template_name to_phone_number`,
    },
    Failure: {
      title: 'WhatsApp failed',
      about: 'The WhatsApp message failed after sending.',
      since: '2023-07-12',
      longTime: true,
      segment: ['WhatsApp Failed', 'glossary'],
      listed: true,
      fields: `
        ${MESSAGE} ${VARIANT} ${SEND} bsuid flow_id from_phone_number! message_id provider_error_code!
        provider_error_title! subscription_group_id template_name to_phone_number`,
    },
    InboundReceive: {
      title: 'WhatsApp received from the user',
      about: 'The user wrote to us.',
      since: '2023-07-12',
      longTime: true,
      segment: ['WhatsApp Inbound Received', 'glossary'],
      listed: true,
      user: 'user_id external_user_id device_id timezone',
      fields: `
        ${MESSAGE} ${VARIANT} action! bsuid catalog_id flow_id flow_response_json in_reply_to
        inbound_phone_number! media_urls message_body message_id product_id quick_reply_text
        subscription_group_id user_phone_number`,
    },
    Read: {
      title: 'WhatsApp read',
      about: 'The WhatsApp message was read.',
      since: '2023-07-12',
      longTime: true,
      segment: ['WhatsApp Read', 'inferred'],
      listed: true,
      fields: `
        ${MESSAGE} ${VARIANT} ${SEND} bsuid flow_id from_phone_number! message_id subscription_group_id
        template_name to_phone_number`,
    },
    Retry: {
      title: 'WhatsApp retried later',
      about: 'The WhatsApp message was held back by prioritization or a cap and will be tried again.',
      since: '2026-01-23',
      fields: `${MESSAGE} ${VARIANT} ${RETRY} bsuid dispatch_id subscription_group_id to_phone_number`,
    },
    Send: {
      title: 'WhatsApp sent',
      about: 'The WhatsApp message was handed to the provider; no proof of delivery.',
      since: '2023-07-12',
      longTime: true,
      segment: ['WhatsApp Sent', 'glossary'],
      listed: true,
      fields: `
        ${MESSAGE} ${VARIANT} ${SEND} canvas_variation_name^ bsuid flow_id from_phone_number!
        message_extras message_id subscription_group_id template_name to_phone_number`,
    },
  },
}

export const webhook: ChannelTypes = {
  channel: 'webhook',
  title: 'Webhooks',
  category: 'message_engagement',
  prefix: 'users.messages.webhook.',
  user: ANY_USER,
  types: {
    Abort: {
      title: 'Webhook aborted',
      about: 'The planned webhook was dropped before sending.',
      since: '2023-01-31',
      segment: ['Webhook Aborted', 'glossary'],
      listed: true,
      fields: `${MESSAGE} ${VARIANT} ${SEND} ${ABORT}`,
    },
    Failure: {
      title: 'Webhook failed',
      about: 'The endpoint refused the webhook or did not answer.',
      since: '2025-07-09',
      segment: ['Webhook Failed', 'glossary'],
      user: IDS,
      fields: `
        ${MESSAGE} ${VARIANT} ${SEND} content_length endpoint_url host http_status_code is_terminal
        raw_response retry_count url_path webhook_duration webhook_failure_source`,
    },
    Retry: {
      title: 'Webhook retried later',
      about: 'The webhook was held back by prioritization or a cap and will be tried again.',
      since: '2026-01-23',
      fields: `${MESSAGE} ${VARIANT} ${SEND} ${PROFILE} ${RETRY}`,
    },
    Send: {
      title: 'Webhook sent',
      about: 'The webhook was handed to the provider; no proof of delivery.',
      since: '2019-08-14',
      segment: ['Webhook Sent', 'glossary'],
      listed: true,
      user: HTTP_DEVICE_USER,
      fields: `${MESSAGE} ${SEND} message_extras`,
    },
  },
}
