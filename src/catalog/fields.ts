/**
 * Every property of a Currents event, once: its type, whether Braze tags it as PII, and what it says. Which
 * event carries which property stands in event-types/. Types never change between events but for
 * `duration`.
 *
 * `message_extras`, `conversion_behavior`, `tool_arguments` and kin are JSON inside a string, as Braze
 * sends them.
 */

export type FieldType = 'string' | 'int' | 'long' | 'float' | 'boolean' | 'string[]' | 'object'

export interface FieldDefinition {
  readonly type: FieldType
  readonly pii: boolean
  readonly about: string
}

const field =
  (type: FieldType, pii = false) =>
  (about: string): FieldDefinition => ({ type, pii, about })

const text = field('string')
const pii = field('string', true)
const int = field('int')
const long = field('long')
const float = field('float')
const piiFloat = field('float', true)
const flag = field('boolean')
const texts = field('string[]')
const object = field('object')

export const FIELDS: Readonly<Record<string, FieldDefinition>> = {
  // Where it happened
  app_group_id: text('API id of the workspace'),
  app_id: text('API id of the app'),
  platform: text('ios, android, kindle, web, tvos or roku'),
  os_version: text('Version of the operating system'),
  device_model: text('Model of the device'),
  device_class: text('Kind of device, from the user agent: mobile, desktop, tablet, …'),
  device_os: text('Operating system, from the user agent'),
  browser: text('Browser, from the user agent'),
  user_agent: text('User agent as received'),
  sdk_version: text('Version of the Braze SDK'),
  resolution: text('Screen resolution'),
  carrier: text('Mobile network'),
  ad_id: pii('Advertising id of the device, when the SDK collects it'),
  ad_id_type: text('ios_idfa, google_ad_id, windows_ad_id or roku_ad_id'),
  ad_tracking_enabled: flag('Whether the device allows ad tracking'),

  // Campaigns and Canvases. Names may be null or an hour old: never key on them.
  campaign_id: text('API id of the campaign'),
  campaign_name: text('Name of the campaign; up to an hour behind'),
  message_variation_id: text('API id of the message variation'),
  message_variation_name: text('Name of the message variation; up to an hour behind'),
  canvas_id: text('API id of the Canvas'),
  canvas_name: text('Name of the Canvas; up to an hour behind'),
  canvas_variation_id: text('API id of the Canvas variation'),
  canvas_variation_name: text('Name of the Canvas variation; up to an hour behind'),
  canvas_step_id: text('API id of the Canvas step'),
  canvas_step_name: text('Name of the Canvas step; up to an hour behind'),
  canvas_step_message_variation_id: text('API id of the message variation of the step'),
  canvas_step_message_variation_api_id: text('canvas_step_message_variation_id under its HTTP name'),
  app_group_api_id: text('Former name of app_group_id; empty'),
  canvas_api_id: text('Former name of canvas_id; empty'),
  canvas_step_api_id: text('Former name of canvas_step_id; empty'),
  canvas_variation_api_id: text('Former name of canvas_variation_id; empty'),
  canvas_entry_id: text('One journey of one user through the Canvas'),
  is_canvas_entry: flag('Whether the journey begins with this step'),
  next_step_id: text('API id of the step that follows'),
  progression_type: text('How the step was left'),
  exit_reason: text('Why the user left the Canvas, if so'),
  experiment_step_id: text('API id of the experiment step'),
  experiment_split_id: text('API id of the path of the experiment'),
  experiment_split_name: text('Name of the path; up to an hour behind'),
  content_optimizer_step_id: text('Id of the content optimizer step'),
  combination_token: text('The combination of contents that was chosen'),
  in_control_group: flag('Whether the user is in the control group'),
  conversion_behavior_index: int('Which conversion event matched: 0 = A to 3 = D'),
  conversion_behavior: text('JSON text of the conversion event that matched'),

  // Every message
  dispatch_id: text('One send: shared by all users when scheduled, one per user when triggered'),
  send_id: text('Send id, where the send is tracked'),
  message_extras: pii('JSON text of key-value pairs that Liquid added to the message'),
  locale_key: pii('Translation used; empty for the default'),
  abort_type: text('Kind of abort, such as a Liquid abort'),
  abort_log: pii('Why the message was dropped, at most 128 characters'),
  retry_type: text('Kind of retry'),
  retry_log: text('Why the message will be tried again'),
  error: text('Name or text of the error'),
  provider_error_code: text('Error code of the carrier or provider'),
  provider_error_title: text('Error of the provider in words'),
  url: text('Address that was clicked'),
  short_url: text('Shortened address that was clicked'),
  is_suspected_bot_click: flag('Whether the click looks automated'),
  suspected_bot_click_reason: texts('Why the click looks automated'),
  button_id: text('Which button was clicked, if one was'),

  // Email
  email_address: pii('Email address of the user'),
  esp: text('SparkPost, SendGrid or Amazon SES'),
  from_domain: text('Domain the email was sent from'),
  ip_pool: text('IP pool the email was sent from'),
  sending_ip: text('IP address the email was sent from'),
  recipient_domain: text('Domain of the recipient'),
  mailbox_provider: text('Mailbox provider, as the email service reports it'),
  bounce_reason: pii('SMTP code and text of the bounce'),
  is_drop: flag('Whether the bounce counts as a drop'),
  deferral_reason: pii('SMTP code and text of the deferral'),
  attempt_count: int('Delivery attempts so far'),
  machine_open: text('The text "true" when a machine opened the email; not a boolean'),
  is_amp: flag('Whether it happened in an AMP email'),
  link_id: text('Id that Braze gave the link'),
  link_alias: text('Name that the customer gave the link'),

  // Push and Live Activities
  push_token: text('The push token'),
  push_token_state_change_type: text('add, update or remove'),
  push_token_created_at: int('When the token was made, in Unix seconds'),
  push_token_updated_at: int('When the token was last changed, in Unix seconds'),
  push_token_device_id: text('Device of the token'),
  push_token_foreground_push_disabled: flag('True when only background pushes are allowed'),
  push_token_provisionally_opted_in: flag('Whether iOS allowed pushes provisionally'),
  web_push_token_public_key: text('Public key of the web push token'),
  web_push_token_user_auth: text('Authentication secret of the web push token'),
  web_push_token_vapid_public_key: text('VAPID public key of the web push token'),
  ios_push_token_apns_gateway: int('1 = development, 2 = production'),
  time_ms: long('When it happened, in Unix milliseconds'),
  button_action_type: text('uri, deep_link, none or close; empty without a button'),
  button_string: text('Name of the push button; empty without a button'),
  activity_attributes_type: text('Type name of the attributes of the Live Activity'),
  activity_id: text('Id of the Live Activity'),
  live_activity_event_type: text('start, update or end'),
  live_activity_event_outcome: text('What became of the request'),
  push_to_start_token: text('Token that may start Live Activities'),
  update_token: text('Token that may update the Live Activity'),

  // Cards, banners, in-app messages, feature flags
  content_card_id: text('Id of this Content Card'),
  card_id: text('API id of the card'),
  banner_placement_id: text('Where the banner stands, as the customer named it'),
  version: text('legacy or triggered'),
  feature_flag_id_name: text('Name of the feature flag rollout'),

  // SMS, RCS, LINE, WhatsApp
  subscription_group_id: text('API id of the subscription group'),
  to_phone_number: pii('Phone number of the recipient, E.164'),
  user_phone_number: pii('Phone number of the user, E.164'),
  from_phone_number: text('Phone number of the sender, E.164'),
  inbound_phone_number: text('Phone number the user wrote to'),
  from_rcs_sender: text('RCS agent that sent the message'),
  to_rcs_sender: text('RCS agent the user wrote to'),
  is_sms_fallback: flag(
    'Whether an SMS stood in for a rejected RCS message; pair by send_id and dispatch_id',
  ),
  category: text('Keyword group of the automatic reply, if it was one: opt-in, opt-out, help or another'),
  action: text('What Braze made of the message: Subscribed, Unsubscribed, None'),
  message_body: text('What the user wrote'),
  media_urls: texts('Media the user sent'),
  media_id: text('Id to fetch media from LINE with'),
  interaction_type: text('What the user did: Text URL, Reply, OpenURL, …'),
  element_type: text('Suggestion or button'),
  element_label: text('Text of the suggestion or button'),
  line_channel_id: text('Id of the LINE channel'),
  line_channel_name: text('Name of the LINE channel'),
  native_line_id: pii('LINE id of the user'),
  bsuid: text('Id that WhatsApp gives the user toward this business'),
  message_id: text('Message id that Meta gave'),
  in_reply_to: text('message_id of the message answered'),
  template_name: pii('Name of the WhatsApp template, if one was used'),
  flow_id: text('Id of the WhatsApp Flow, if one was used'),
  flow_response_json: pii('JSON text of the answers given in the WhatsApp Flow'),
  quick_reply_text: text('Text of the quick reply that was pressed'),
  catalog_id: text('Catalog of the product asked about'),

  // Webhooks
  endpoint_url: text('Address of the webhook'),
  host: text('Host of the webhook'),
  url_path: text('Path of the webhook'),
  http_status_code: int('Status that the endpoint answered'),
  raw_response: text('Beginning of the answer'),
  content_length: int('Bytes of the answer'),
  webhook_duration: int('Length of the call in milliseconds'),
  webhook_failure_source: text('Who failed: Braze or the endpoint'),
  retry_count: int('Attempts made'),
  is_terminal: flag('Whether no further attempt will be made'),

  // Sessions, purchases, custom events, places
  session_id: text('Id of the session'),
  duration: int('Milliseconds of an agent or tool call; seconds of a session'),
  name: text('Name of the custom event'),
  custom_properties: object('Properties of the custom event'),
  purchase_properties: object('Properties of the purchase'),
  properties: text('Properties of the custom event or purchase as JSON text'),
  product_id: text('The product'),
  price: float('Price; a single-precision number in storage, so decimals drift'),
  currency: text('ISO 4217 code'),
  source: text('Where the install came from'),
  latitude: piiFloat('Degrees north'),
  longitude: piiFloat('Degrees east'),
  altitude: piiFloat('Metres above sea level'),
  ll_accuracy: float('Error of latitude and longitude in metres'),
  alt_accuracy: float('Error of the altitude in metres'),

  // Subscriptions and profiles
  subscription_status: text('Subscribed or Unsubscribed; global also Opted In'),
  state_change_source: text('What changed it: SDK, Dashboard, REST API, Preference Center, …'),
  channel: text('Channel it is about'),
  channel_identifier: pii('Address of the user on that channel'),
  phone_number: pii('Phone number, E.164'),
  first_name: pii('First name'),
  last_name: pii('Last name'),
  dob: pii('Date of birth, ISO 8601'),
  home_city: pii('Home city'),
  country: pii('Country of the user'),
  language: pii('Language of the user'),
  gender: pii('M, F, O, N or P'),
  custom_attributes: text('JSON text of the custom attributes that changed'),
  archived: flag('Whether the profile is archived'),
  update_source: text('What changed the profile'),
  orphaned_by_id: text('Braze id of the profile that lives on'),
  random_bucket_number: int('The new random bucket'),
  prev_random_bucket_number: int('The former random bucket'),

  // AI agents
  agent_id: text('Id of the agent'),
  agent_name: text('Name of the agent'),
  invocation_id: text('Id of the answer of the agent'),
  invocation_source: text('Feature that called the agent'),
  request_id: text('One run of the agent with all its tool calls'),
  provider_request_id: text('Request id of the maker of the model'),
  model_provider: text('Maker of the model'),
  model_name: text('Name of the model'),
  llm_owned_by_customer: flag("Whether the customer's own key was used"),
  input: pii('What the model was asked'),
  output: pii('What the model answered'),
  cache_hit: flag('Whether the answer came from a cache'),
  prompt_tokens: int('Tokens asked with'),
  completion_tokens: int('Tokens answered with'),
  cache_tokens: int('Tokens taken from a cache'),
  reasoning_tokens: int('Tokens spent on reasoning'),
  total_tokens: int('All tokens'),
  is_error: flag('Whether the call failed'),
  tool_call_id: text('Id of the tool call'),
  tool_name: text('Name of the tool'),
  tool_arguments: text('JSON text of what the tool was given'),
}
