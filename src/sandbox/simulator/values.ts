/**
 * A plausible value for every catalogued property, from the scene in which the event happens: who, from
 * which campaign or Canvas step, and what the journey settled earlier (a click has the dispatch id of its
 * send).
 */

import { FIELDS } from '../../catalog/fields.ts'
import type { EventField } from '../../catalog/notation.ts'
import { ThalwegError } from '../../core/errors.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { between, chance, decimal, hex, pick, uuid } from './draw.ts'
import type { Campaign, Canvas, Named, SimulatedUser, World } from './world.ts'

export interface Origin {
  readonly campaign: Campaign
  readonly campaignVariation: Named
  readonly canvas: Canvas
  readonly canvasVariation: Named
  readonly step: Named
  /** Which of the two sends; `both` only in full samples. */
  readonly sender: 'campaign' | 'canvas' | 'both' | 'none'
}

export interface Scene {
  readonly random: Random
  readonly world: World
  readonly user: SimulatedUser
  readonly origin: Origin
  readonly nowSeconds: number
  /** Values that stay the same through the journey. */
  readonly kept: Map<string, unknown>
}

export function createOrigin(random: Random, world: World, sender: Origin['sender']): Origin {
  const campaign = pick(random, world.campaigns)
  const canvas = pick(random, world.canvases)
  return {
    campaign,
    campaignVariation: pick(random, campaign.variations),
    canvas,
    canvasVariation: pick(random, canvas.variations),
    step: pick(random, canvas.steps),
    sender,
  }
}

/** The value of a property in a scene. Throws CATALOG_BROKEN for a property that has no rule here. */
export function propertyValue(field: EventField, scene: Scene): unknown {
  if (scene.kept.has(field.name)) return scene.kept.get(field.name)
  const make = MAKERS[field.name]
  if (make === undefined) {
    throw new ThalwegError('CATALOG_BROKEN', `The simulator has no value for the property ${field.name}`)
  }
  const value = make(scene, field)
  if (KEPT.has(field.name)) scene.kept.set(field.name, value)
  return value
}

/** Whether real traffic would carry the property here. A required one always; a settled one too. */
export function isPresent(field: EventField, scene: Scene): boolean {
  if (scene.kept.has(field.name)) return true
  if (isForeign(field.name, scene.origin.sender)) return false
  if (field.name in NAMES && NAMES[field.name]?.(scene.origin) === undefined) return false
  if (field.required) return true
  if (field.name.startsWith('ad_')) return scene.user.device.adId !== undefined
  return chance(scene.random, SPARSE[field.name] ?? 1)
}

/** Campaign messages carry no Canvas properties and the other way round. */
function isForeign(name: string, sender: Origin['sender']): boolean {
  if (sender === 'both') return false
  return (sender !== 'canvas' && OF_CANVASES.has(name)) || (sender !== 'campaign' && OF_CAMPAIGNS.has(name))
}

const OF_CAMPAIGNS = namesLike(/^(campaign|message_variation)_(id|name)$/)
const OF_CANVASES = namesLike(/^canvas_(id|name|variation|step)/)

function namesLike(pattern: RegExp): ReadonlySet<string> {
  return new Set(Object.keys(FIELDS).filter((name) => pattern.test(name)))
}

type Maker = (scene: Scene, field: EventField) => unknown

/** Names may be missing while a campaign is new. */
const NAMES: Readonly<Record<string, (origin: Origin) => string | undefined>> = {
  campaign_name: (origin) => origin.campaign.name,
  message_variation_name: (origin) => origin.campaignVariation.name,
  canvas_name: (origin) => origin.canvas.name,
  canvas_variation_name: (origin) => origin.canvasVariation.name,
  canvas_step_name: (origin) => origin.step.name,
}

/** Drawn once per journey. */
const KEPT: ReadonlySet<string> = new Set(
  `dispatch_id send_id message_id content_card_id card_id session_id template_name flow_id esp ip_pool from_domain
  sending_ip mailbox_provider from_phone_number subscription_group_id from_rcs_sender banner_placement_id url
  short_url feature_flag_id_name activity_id activity_attributes_type push_to_start_token update_token request_id
  agent_id agent_name message_extras locale_key canvas_entry_id experiment_step_id experiment_split_id
  experiment_split_name line_channel_id line_channel_name user_agent browser device_class device_os link_id
  link_alias endpoint_url host url_path bsuid carrier resolution sdk_version to_rcs_sender inbound_phone_number`.split(
    /\s+/,
  ),
)

/** How often real traffic carries an optional property; 1 for those not named here. */
const SPARSE: Readonly<Record<string, number>> = {
  send_id: 0.4,
  message_extras: 0.6,
  locale_key: 0.2,
  machine_open: 0,
  is_amp: 0.1,
  is_sms_fallback: 0.1,
  suspected_bot_click_reason: 0.05,
  link_alias: 0.6,
  button_id: 0.5,
  category: 0.1,
  flow_id: 0.1,
  flow_response_json: 0.1,
  template_name: 0.7,
  in_reply_to: 0.4,
  catalog_id: 0.1,
  product_id: 0.1,
  quick_reply_text: 0.2,
  media_urls: 0.15,
  media_id: 0.15,
  exit_reason: 0.2,
  next_step_id: 0.8,
  error: 0.3,
  input: 0.9,
  app_id: 0.95,
  altitude: 0.6,
  alt_accuracy: 0.6,
  push_token_provisionally_opted_in: 0.3,
  web_push_token_public_key: 0.2,
  web_push_token_user_auth: 0.2,
  web_push_token_vapid_public_key: 0.2,
}

const empty: Maker = () => ''
const oneOf =
  (...items: readonly unknown[]): Maker =>
  ({ random }) =>
    pick(random, items)
const id: Maker = ({ random }) => uuid(random)
const objectId: Maker = ({ random }) => hex(random, 24)
const mostlyFalse: Maker = ({ random }) => chance(random, 0.05)
const count =
  (from: number, to: number): Maker =>
  ({ random }) =>
    between(random, from, to)
const phone: Maker = ({ user }) => user.phone
const serviceNumber: Maker = ({ random }) => `+1888555${between(random, 1000, 9999)}`
const json =
  (make: (scene: Scene) => unknown): Maker =>
  (scene) =>
    JSON.stringify(make(scene))

const MAKERS: Readonly<Record<string, Maker>> = {
  app_group_id: ({ world }) => world.workspaceId,
  app_id: ({ user }) => user.device.app.id,
  platform: ({ user }) => user.device.app.platform,
  os_version: ({ user }) => user.device.osVersion,
  device_model: ({ user }) => user.device.model,
  device_class: oneOf('mobile', 'desktop', 'tablet'),
  device_os: oneOf('iOS', 'Android', 'Mac OS X', 'Windows'),
  browser: oneOf('Chrome', 'Safari', 'Mobile Safari', 'Firefox', 'Gmail image proxy'),
  user_agent: oneOf(
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36',
    'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36',
    'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)',
  ),
  sdk_version: oneOf('12.0.1', '36.0.0', '5.9.0'),
  resolution: oneOf('1179x2556', '1080x2424', '1920x1080'),
  carrier: oneOf('Verizon', 'Vivo', 'NTT DOCOMO', 'Telekom.de'),
  ad_id: ({ user, random }) => user.device.adId ?? uuid(random),
  ad_id_type: ({ user }) => (user.device.app.platform === 'ios' ? 'ios_idfa' : 'google_ad_id'),
  ad_tracking_enabled: oneOf(true, false),

  campaign_id: ({ origin }) => origin.campaign.id,
  campaign_name: ({ origin }) => origin.campaign.name ?? '',
  message_variation_id: ({ origin }) => origin.campaignVariation.id,
  message_variation_name: ({ origin }) => origin.campaignVariation.name ?? '',
  canvas_id: ({ origin }) => origin.canvas.id,
  canvas_name: ({ origin }) => origin.canvas.name ?? '',
  canvas_variation_id: ({ origin }) => origin.canvasVariation.id,
  canvas_variation_name: ({ origin }) => origin.canvasVariation.name ?? '',
  canvas_step_id: ({ origin }) => origin.step.id,
  canvas_step_name: ({ origin }) => origin.step.name ?? '',
  canvas_step_message_variation_id: id,
  canvas_step_message_variation_api_id: id,
  app_group_api_id: empty,
  canvas_api_id: empty,
  canvas_step_api_id: empty,
  canvas_variation_api_id: empty,
  canvas_entry_id: id,
  is_canvas_entry: oneOf(true, false),
  next_step_id: id,
  progression_type: oneOf('advance', 'split', 'exit'),
  exit_reason: oneOf('Reached the end', 'Quiet hours', 'Did not match the audience'),
  experiment_step_id: id,
  experiment_split_id: id,
  experiment_split_name: oneOf('Path 1', 'Path 2', 'Control'),
  content_optimizer_step_id: objectId,
  combination_token: ({ random }) => hex(random, 16),
  in_control_group: ({ random }) => chance(random, 0.1),
  conversion_behavior_index: count(0, 3),
  conversion_behavior: json(({ random }) => ({
    type: 'performs_custom_event',
    custom_event_name: pick(random, CUSTOM_EVENTS),
    window_seconds: 259_200,
  })),

  dispatch_id: (scene) => dispatchId(scene),
  send_id: objectId,
  message_extras: json(({ random }) => ({
    offer: pick(random, ['SPRING10', 'FREE-SHIPPING', 'ありがとう']),
    products: [between(random, 1000, 9999), between(random, 1000, 9999)].map((number) => `sku-${number}`),
    score: decimal(random, 0, 1, 3),
    template: pick(random, ['hero-left', 'hero-right', 'plain']),
  })),
  locale_key: oneOf('en-us', 'de-de', 'pt-br', ''),
  abort_type: oneOf('liquid_abort_message', 'rate_limit', 'quiet_hours', 'frequency_capped'),
  abort_log: oneOf(
    "{% abort_message('no first name') %} was called",
    'Liquid: “unpaid” was not found in the catalog',
    'Rate limit of the workspace was reached',
  ),
  retry_type: oneOf('frequency_cap', 'message_prioritization'),
  retry_log: oneOf('Held back: 2 of 2 messages this week', 'A message of higher priority went first'),
  error: oneOf('Unreachable carrier', 'Timeout', 'Blocked by recipient'),
  provider_error_code: oneOf('30003', '30006', '131026'),
  provider_error_title: oneOf('Message undeliverable', 'Re-engagement message'),
  url: ({ random }) =>
    `https://shop.example.com/p/${between(random, 1000, 9999)}?utm_source=braze&utm_medium=message&c=${hex(random, 8)}`,
  short_url: ({ random }) => `https://ex.mp/${hex(random, 7)}`,
  is_suspected_bot_click: mostlyFalse,
  suspected_bot_click_reason: ({ random }) =>
    ['user_agent', 'too_fast', 'ip_range'].slice(between(random, 0, 2)),
  button_id: oneOf('0', '1', 'buy-now'),

  email_address: ({ user }) => user.email,
  esp: oneOf('SparkPost', 'SendGrid', 'Amazon SES'),
  from_domain: oneOf('news.example.com', 'orders.example.com'),
  ip_pool: oneOf('marketing-01', 'transactional'),
  sending_ip: ({ random }) => `203.0.113.${between(random, 1, 254)}`,
  recipient_domain: ({ user }) => user.email.slice(user.email.indexOf('@') + 1),
  mailbox_provider: oneOf('Gmail', 'Yahoo', 'Outlook', 'Other'),
  bounce_reason: oneOf(
    '550 5.1.1 The email account that you tried to reach does not exist.',
    '452 4.2.2 The recipient’s inbox is full',
  ),
  is_drop: mostlyFalse,
  deferral_reason: oneOf(
    '421 4.7.0 Try again later, closing connection.',
    '451 4.3.2 Temporarily rate limited',
  ),
  attempt_count: count(1, 6),
  machine_open: () => 'true',
  is_amp: mostlyFalse,
  link_id: ({ random }) => hex(random, 32),
  link_alias: oneOf('header_logo', 'buy_now', 'footer_prefs'),

  push_token: ({ user }) => user.device.pushToken,
  push_token_state_change_type: oneOf('add', 'update', 'remove'),
  push_token_created_at: ({ nowSeconds, random }) => nowSeconds - between(random, 86_400, 31_536_000),
  push_token_updated_at: ({ nowSeconds, random }) => nowSeconds - between(random, 0, 86_399),
  push_token_device_id: ({ user }) => user.device.id,
  push_token_foreground_push_disabled: mostlyFalse,
  push_token_provisionally_opted_in: mostlyFalse,
  web_push_token_public_key: ({ random }) => `B${hex(random, 86)}`,
  web_push_token_user_auth: ({ random }) => hex(random, 22),
  web_push_token_vapid_public_key: ({ random }) => `B${hex(random, 86)}`,
  ios_push_token_apns_gateway: count(1, 2),
  time_ms: ({ nowSeconds, random }) => nowSeconds * 1000 + between(random, 0, 999),
  button_action_type: oneOf('uri', 'deep_link', 'none', 'close', ''),
  button_string: oneOf('open', 'later', ''),
  activity_attributes_type: oneOf('DeliveryAttributes', 'MatchAttributes'),
  activity_id: ({ random }) => uuid(random).toUpperCase(),
  live_activity_event_type: oneOf('start', 'update', 'end'),
  live_activity_event_outcome: oneOf('sent', 'delivered', 'failed'),
  push_to_start_token: ({ random }) => hex(random, 160),
  update_token: ({ random }) => hex(random, 160),

  content_card_id: ({ origin, user }) => `${origin.campaign.id}$_cc=${user.brazeId}&di=0`,
  card_id: objectId,
  banner_placement_id: oneOf('home_top', 'checkout_side', 'profil-größe'),
  version: oneOf('legacy', 'triggered'),
  feature_flag_id_name: oneOf('new_checkout', 'dark_mode_rollout'),

  subscription_group_id: id,
  to_phone_number: phone,
  user_phone_number: phone,
  from_phone_number: serviceNumber,
  inbound_phone_number: serviceNumber,
  from_rcs_sender: oneOf('example_shop_agent', 'example_support_agent'),
  to_rcs_sender: oneOf('example_shop_agent', 'example_support_agent'),
  is_sms_fallback: mostlyFalse,
  category: oneOf('opt-in', 'opt-out', 'help', 'store hours'),
  action: oneOf('Subscribed', 'Unsubscribed', 'None'),
  message_body: oneOf(
    'STOP',
    'Thanks! 🎉',
    '¿Dónde está mi pedido?',
    'はい',
    'where is my order?\nit is "late"',
  ),
  media_urls: ({ random }) => [`https://media.example.com/${hex(random, 12)}.jpg`],
  media_id: ({ random }) => String(between(random, 100_000_000_000, 999_999_999_999)),
  interaction_type: oneOf('Text URL', 'Reply', 'OpenURL'),
  element_type: oneOf('suggestion', 'button'),
  element_label: oneOf('Track my order', 'Ja, gerne'),
  line_channel_id: ({ random }) => String(between(random, 1_000_000_000, 1_999_999_999)),
  line_channel_name: oneOf('例ショップ', 'Example Shop'),
  native_line_id: ({ user }) => user.lineId,
  bsuid: ({ user }) => `${user.country}.${user.brazeId}`,
  message_id: ({ random }) => `wamid.${hex(random, 40).toUpperCase()}`,
  in_reply_to: ({ random }) => `wamid.${hex(random, 40).toUpperCase()}`,
  template_name: oneOf('order_update_v2', 'spring_offer', 'erinnerung_warenkorb'),
  flow_id: ({ random }) => String(between(random, 100_000_000, 999_999_999)),
  flow_response_json: json(({ random }) => ({
    screen: 'SURVEY',
    rating: between(random, 1, 5),
    text: 'très bien',
  })),
  quick_reply_text: oneOf('Yes', 'No', 'Später'),
  catalog_id: oneOf('shop_catalog', 'rentals'),

  endpoint_url: () => 'https://hooks.example.com/v1/braze',
  host: () => 'hooks.example.com',
  url_path: () => '/v1/braze',
  http_status_code: oneOf(500, 503, 429, 404),
  raw_response: oneOf('{"error":"upstream timeout"}', '<html><body>Service Unavailable</body></html>'),
  content_length: count(20, 2000),
  webhook_duration: count(30, 90_000),
  webhook_failure_source: oneOf('endpoint', 'braze'),
  retry_count: count(0, 5),
  is_terminal: oneOf(true, false),

  session_id: id,
  duration: ({ random }, field) =>
    field.type === 'float' ? decimal(random, 3, 1800, 1) : between(random, 80, 30_000),
  name: ({ random }) => pick(random, CUSTOM_EVENTS),
  custom_properties: (scene) => customProperties(scene),
  purchase_properties: (scene) => customProperties(scene),
  properties: json((scene) => customProperties(scene)),
  product_id: ({ random }) => `sku-${between(random, 1000, 9999)}`,
  price: ({ random }) => decimal(random, 1, 400, 2),
  currency: oneOf('USD', 'EUR', 'JPY', 'BRL'),
  source: oneOf('Organic', 'Apple Search Ads', 'Ünïcode Ads'),
  latitude: ({ random }) => decimal(random, -60, 70, 6),
  longitude: ({ random }) => decimal(random, -180, 180, 6),
  altitude: ({ random }) => decimal(random, 0, 2000, 1),
  ll_accuracy: ({ random }) => decimal(random, 3, 100, 1),
  alt_accuracy: ({ random }) => decimal(random, 3, 50, 1),

  subscription_status: oneOf('Subscribed', 'Unsubscribed'),
  state_change_source: oneOf(
    'SDK',
    'Dashboard',
    'REST API',
    'Preference Center',
    'List-Unsubscribe',
    'Inbound Message',
  ),
  channel: oneOf('email', 'sms', 'push'),
  channel_identifier: ({ user }) => user.email,
  phone_number: phone,
  first_name: oneOf('Zoë', 'Søren', 'Ada'),
  last_name: oneOf("O'Neil", 'Nuñez', '田中'),
  dob: ({ random }) => `19${between(random, 60, 99)}-0${between(random, 1, 9)}-15T00:00:00.000Z`,
  home_city: oneOf('Köln', 'São Paulo', 'Chicago'),
  country: ({ user }) => user.country,
  language: ({ user }) => user.language,
  gender: ({ user }) => user.gender,
  custom_attributes: json(({ random }) => ({
    tier: pick(random, ['gold', 'silver']),
    points: between(random, 0, 9000),
  })),
  archived: mostlyFalse,
  update_source: oneOf('REST API', 'SDK', 'CSV Import'),
  orphaned_by_id: objectId,
  random_bucket_number: count(0, 9999),
  prev_random_bucket_number: count(0, 9999),

  agent_id: objectId,
  agent_name: oneOf('Copy helper', 'Next best offer'),
  invocation_id: id,
  invocation_source: oneOf('canvas_agent_step', 'catalog_agentic_field'),
  request_id: id,
  provider_request_id: ({ random }) => `req_${hex(random, 24)}`,
  model_provider: oneOf('provider-a', 'provider-b'),
  model_name: oneOf('model-large', 'model-small'),
  llm_owned_by_customer: oneOf(true, false),
  input: oneOf('Write a short greeting for {{first_name}}.', 'Which of these offers fits? Answer as JSON.'),
  output: oneOf('Hej 👋 nice to see you again!', '{"offer":"FREE-SHIPPING","why":"recent cart"}'),
  cache_hit: oneOf(true, false),
  prompt_tokens: count(100, 4000),
  completion_tokens: count(10, 800),
  cache_tokens: count(0, 2000),
  reasoning_tokens: count(0, 500),
  total_tokens: count(200, 7000),
  is_error: mostlyFalse,
  tool_call_id: ({ random }) => `call_${hex(random, 24)}`,
  tool_name: oneOf('lookup_catalog_item', 'get_user_attributes'),
  tool_arguments: json(({ random }) => ({ catalog: 'shop', item: `sku-${between(random, 1000, 9999)}` })),
}

/**
 * All users of a scheduled send share its dispatch id; others have one each. Scheduled sends go out every
 * hour here.
 */
function dispatchId({ random, origin, nowSeconds }: Scene): string {
  if (origin.sender !== 'campaign' || !origin.campaign.scheduled) return hex(random, 32)
  const hour = Math.floor(nowSeconds / 3600)
  return hex(seededRandom(Number.parseInt(origin.campaign.id.slice(0, 8), 16) ^ hour), 32)
}

const CUSTOM_EVENTS = ['added_to_cart', 'viewed_product', 'searched', 'finished_level', 'Überwiesen']

function customProperties({ random }: Scene): Record<string, unknown> {
  return {
    category: pick(random, ['shoes', 'books', 'café', '家具']),
    quantity: between(random, 1, 5),
    discount: decimal(random, 0, 0.5, 2),
    gift: chance(random, 0.2),
    tags: ['new', 'sale', 'été'].slice(between(random, 0, 3)),
    item: { sku: `sku-${between(random, 1000, 9999)}`, size: pick(random, ['S', 'M', 'L', null]) },
  }
}
