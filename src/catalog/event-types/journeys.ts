/** What happens to users in campaigns and Canvases beside the messages themselves. */

import {
  ABORT,
  ANY_USER,
  CAMPAIGN,
  CANVAS,
  type ChannelTypes,
  DEVICE_USER,
  HTTP_DEVICE_USER,
  IDS,
  SEND,
} from '../notation.ts'

export const campaign: ChannelTypes = {
  channel: 'campaign',
  title: 'Campaigns',
  category: 'message_engagement',
  prefix: 'users.campaigns.',
  user: HTTP_DEVICE_USER,
  types: {
    Abort: {
      title: 'Campaign message aborted',
      about: 'A campaign message was dropped before sending; replaced by the Abort of each channel.',
      since: '2023-03-24',
      reach: 'none',
      retired: true,
      listed: true,
      user: ANY_USER,
      fields: `${CAMPAIGN} ${SEND} ${ABORT} abort_log% app_group_id canvas_id`,
    },
    Conversion: {
      title: 'Campaign conversion',
      about: 'The user did a conversion event of a campaign in time.',
      since: '2019-08-15',
      segment: ['Campaign Converted', 'page'],
      listed: true,
      fields: `
        ${CAMPAIGN} ${SEND} campaign_id! dispatch_id^ app_group_id app_id conversion_behavior
        conversion_behavior_index`,
    },
    EnrollInControl: {
      title: 'Campaign control group',
      about: 'The user fell into the control group of a campaign.',
      since: '2019-08-14',
      segment: ['Campaign Control Group Entered', 'glossary'],
      listed: true,
      fields: `${CAMPAIGN} ${SEND} campaign_id! dispatch_id^ app_group_id app_id`,
    },
  },
}

export const canvas: ChannelTypes = {
  channel: 'canvas',
  title: 'Canvases',
  category: 'message_engagement',
  prefix: 'users.',
  user: IDS,
  types: {
    'canvas.Abort': {
      title: 'Canvas message aborted',
      about: 'A Canvas message was dropped before sending; replaced by the Abort of each channel.',
      since: '2023-03-24',
      reach: 'none',
      retired: true,
      listed: true,
      user: ANY_USER,
      fields: `${CANVAS} ${ABORT} abort_log% app_group_id canvas_step_message_variation_id`,
    },
    'canvas.Conversion': {
      title: 'Canvas conversion',
      about: 'The user did a conversion event of a Canvas in time.',
      since: '2019-08-14',
      segment: ['Canvas Converted', 'glossary'],
      listed: true,
      user: HTTP_DEVICE_USER,
      fields: `
        ${CANVAS} canvas_id! canvas_variation_id! app_group_id app_id conversion_behavior
        conversion_behavior_index`,
    },
    'canvas.Entry': {
      title: 'Canvas entered',
      about: 'The user began a Canvas.',
      since: '2019-08-14',
      segment: ['Canvas Entered', 'glossary'],
      listed: true,
      user: HTTP_DEVICE_USER,
      fields: `${CANVAS} canvas_id! canvas_variation_id! app_group_id in_control_group!`,
    },
    'canvas.costep.Send': {
      title: 'Content optimizer sent',
      about: 'A content optimizer step sent one of its combinations.',
      since: '2026-06-29',
      fields: `
        app_group_id canvas_variation_id channel combination_token! content_optimizer_step_id!
        dispatch_id`,
    },
    'canvas.exit.MatchedAudience': {
      title: 'Canvas left by audience',
      about: 'The user left a Canvas because an exit audience matched.',
      since: '2023-01-10',
      segment: ['Exit Matched Audience', 'glossary'],
      listed: true,
      fields: `
        ${CANVAS} canvas_id! canvas_variation_id! app_group_api_id~* app_group_id! canvas_api_id~*
        canvas_step_api_id~* canvas_variation_api_id~*`,
    },
    'canvas.exit.PerformedEvent': {
      title: 'Canvas left by event',
      about: 'The user left a Canvas because of an exit event.',
      since: '2023-01-10',
      segment: ['Exit Performed Event', 'glossary'],
      listed: true,
      fields: `
        ${CANVAS} canvas_id! canvas_variation_id! app_group_api_id~* app_group_id! canvas_api_id~*
        canvas_step_api_id~* canvas_variation_api_id~*`,
    },
    'canvas.experimentstep.Conversion': {
      title: 'Experiment conversion',
      about: 'The user converted on a path of an experiment step.',
      since: '2022-09-30',
      segment: ['Experiment Step Converted', 'glossary'],
      listed: true,
      fields: `
        ${CANVAS} app_id conversion_behavior conversion_behavior_index experiment_split_id
        experiment_split_name experiment_step_id`,
    },
    'canvas.experimentstep.SplitEntry': {
      title: 'Experiment path entered',
      about: 'The user was put on a path of an experiment step.',
      since: '2022-09-30',
      segment: ['Experiment Split Entered', 'glossary'],
      listed: true,
      fields: `${CANVAS} experiment_split_id experiment_split_name experiment_step_id in_control_group!`,
    },
    'canvasstep.Progression': {
      title: 'Canvas step progress',
      about: 'The user moved on from a Canvas step, or left there.',
      since: '2024-10-24',
      segment: ['Canvas Step Progression', 'glossary'],
      user: DEVICE_USER,
      fields: `
        ${CANVAS} app_group_id canvas_entry_id! exit_reason is_canvas_entry next_step_id
        progression_type!`,
    },
  },
}
