/**
 * The three streams of a log on NATS JetStream, and what is asked of them. Everything here is one question and its answer; nothing is
 * remembered and nothing is tried again.
 *
 *   THALWEG-<name>          thalweg.<name>.frames            the messages (message.ts)
 *   THALWEG-<name>-EDITED   thalweg.<name>.edited.<seq>      what stands in the place of a message that was erased there
 *   THALWEG-<name>-READERS  thalweg.<name>.readers.<reader>  what readers still need, newest word only
 *                           thalweg.<name>.trimmed           the first sequence that retention left
 *
 * thalweg.<name>.bell and thalweg.<name>.told are no streams: on the one hubs tell each other that there is something new, on the other what it is.
 * Who misses it hears of it by asking.
 */

import {
  type ConsumerConfig,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import {
  connect,
  createInbox,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
} from '@nats-io/transport-node'
import { pause } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { connectionOptions, type LogAddress, type LogCredentials } from './address.ts'
import { decodeLabel, encodeLabel, LABEL_HEADER, type Label, type Message } from './message.ts'

const ID_HEADER = 'Nats-Msg-Id'
const SIZE_HEADER = 'Nats-Msg-Size'
const SEQ_HEADER = 'Thalweg-Seq'
const EXPECT_HEADER = 'Nats-Expected-Last-Sequence'
const NO_MESSAGE = 10037
const NO_STREAM = 10059
const NOT_CLUSTERED = 10074
const NANOS = 1_000_000
/** How long the servers know the id of a message. A message that is sent again later is looked for first. */
export const REPEAT_MS = 600_000
/** A request, its label and the header lines must fit beside a frame of the largest body that the rooms write themselves. */
const PAYLOAD_BYTES_MIN = 16 * 1024 * 1024
const HEADERS_BYTES_MAX = 4096
const API_MS = 5_000
const CONNECT_MS = 5_000
/** An election takes up to ten seconds. */
const LEADER_MS_MAX = 20_000
const AGAIN_MS = 250
const RECONNECT_MS = 250
/** Two unanswered ones, and another server is tried: one that was paused must not hold us up. */
const PING_MS = 2_000
const PINGS_OPEN_MAX = 2
const LISTED_AT_ONCE = 2_000
const CONSUMER_IDLE_MS = 60_000
/** How long a hub that told something to nobody only rings: to be told is worth it where somebody listens. */
const ALONE_MS = 2_000

export interface StreamState {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly bytes: number
  readonly messages: number
  /** Tells a stream from another of the same name. */
  readonly createdAt: string
  readonly replicas: number
}

export interface Word {
  readonly reader: string
  readonly from: number
  readonly hub: string
  readonly seq: number
}

export class Remote {
  readonly payloadBytesMax: number
  readonly #nc: NatsConnection
  readonly #jsm: JetStreamManager
  readonly #frames: string
  readonly #edited: string
  readonly #readers: string
  readonly #subject: string
  /** Where the servers answer that nobody listened. */
  readonly #nobody = createInbox()
  #aloneUntil = 0

  private constructor(nc: NatsConnection, jsm: JetStreamManager, name: string) {
    this.#nc = nc
    this.#jsm = jsm
    this.#frames = `THALWEG-${name}`
    this.#edited = `${this.#frames}-EDITED`
    this.#readers = `${this.#frames}-READERS`
    this.#subject = `thalweg.${name}`
    this.payloadBytesMax = (nc.info?.max_payload ?? 0) - HEADERS_BYTES_MAX
  }

  /** Connects and makes the streams that are missing. Throws LOG_UNREACHABLE, or SETTINGS_INVALID with what to change on the servers. */
  static async open(address: LogAddress, credentials: LogCredentials): Promise<Remote> {
    const options = await connectionOptions(address, credentials)
    const nc = await reached(address, () =>
      connect({
        ...options,
        name: 'thalweg',
        noEcho: true,
        timeout: CONNECT_MS,
        maxReconnectAttempts: -1,
        reconnectTimeWait: RECONNECT_MS,
        pingInterval: PING_MS,
        maxPingOut: PINGS_OPEN_MAX,
        // An account that is being changed must not end the hub.
        ignoreAuthErrorAbort: true,
        // Otherwise each request makes two errors, with their stacks, should it fail. What ours failed at, they say themselves.
        noAsyncTraces: true,
      }),
    )
    try {
      const payload = nc.info?.max_payload ?? 0
      if (payload < PAYLOAD_BYTES_MIN) {
        const message = `the NATS servers take messages of ${payload} bytes; set max_payload: 16MB (or more) in their configuration`
        throw new ThalwegError('SETTINGS_INVALID', message)
      }
      const jsm = await jetstreamManager(nc, { timeout: API_MS, checkAPI: false })
      const remote = new Remote(nc, jsm, address.name)
      await reached(address, () => patiently(() => remote.#makeStreams(address.replicas)))
      return remote
    } catch (error) {
      await nc.close()
      throw error
    }
  }

  /**
   * Appends a message; resolves with its sequence when the servers have it by their rule (a quorum of the copies). A message with an id that
   * they know is not appended again, and its first sequence is given. Throws what the servers or the client say; then it may have been appended or not.
   */
  async publish(id: string, label: Label, bytes: Uint8Array, timeoutMs: number): Promise<number> {
    return await this.#publish(`${this.#subject}.frames`, headersOf(id, label), bytes, timeoutMs)
  }

  /** As `publish`, but only if nothing lies behind `lastSeq`. */
  async publishBehind(lastSeq: number, id: string, label: Label): Promise<number> {
    const lines = headersOf(id, label)
    lines.set(EXPECT_HEADER, String(lastSeq))
    return await this.#publish(`${this.#subject}.frames`, lines, new Uint8Array(), API_MS)
  }

  /**
   * A message as it is now: the edited one where there is one. Undefined when there is none, by the word of a leader that has come so far;
   * throws when it has not, as a new leader for a moment.
   */
  async get(seq: number): Promise<Message | undefined> {
    const found = await this.#direct(this.#frames, { seq })
    if (found !== undefined) return messageOf(found, seq)
    // A copy that lags behind, or a message that was erased, or none.
    const certain = (await this.#ofLeader(seq)) ?? (await this.edited(seq))?.message
    if (certain !== undefined) return certain
    const { lastSeq } = await this.state()
    if (lastSeq < seq)
      throw new Error(`the leader of ${this.#frames} has come to message ${lastSeq}, not to ${seq} yet`)
    return (await this.#ofLeader(seq)) ?? (await this.edited(seq))?.message
  }

  /** What stands in the place of a message, and where that lies in its own stream. */
  async edited(seq: number): Promise<{ readonly message: Message; readonly at: number } | undefined> {
    const found = await this.#leaders(this.#edited, { last_by_subj: `${this.#subject}.edited.${seq}` })
    return found === undefined ? undefined : { message: { ...found, seq }, at: found.seq }
  }

  /** The edit at a place of their stream, and of which message it is. */
  async editAt(at: number): Promise<Message | undefined> {
    const found = await this.#leaders(this.#edited, { seq: at })
    return found === undefined ? undefined : { ...found, seq: Number(found.subject.split('.').at(-1)) }
  }

  /** Puts bytes in the place of a message: first they are kept, then the old ones are overwritten on the servers' disks. */
  async replace(message: Message, id: string, bytes: Uint8Array): Promise<void> {
    const { seq, label } = message
    const before = await this.edited(seq)
    const lines = label === undefined ? headers() : headersOf(id, label)
    await this.#publish(`${this.#subject}.edited.${seq}`, lines, bytes, API_MS)
    await this.erase(seq)
    if (before !== undefined) await this.#erase(this.#edited, before.at)
  }

  /** Overwrites a message, if it is there. */
  async erase(seq: number): Promise<void> {
    await this.#erase(this.#frames, seq)
  }

  /** The first sequence that retention left. The servers' own word does not tell: it also moves over messages that were erased. */
  async firstSeq(): Promise<number> {
    const found = await this.#leaders(this.#readers, { last_by_subj: `${this.#subject}.trimmed` })
    return found === undefined ? 1 : Number(String(found.bytes))
  }

  /** Removes all messages before `seq`, and what stands in their places. */
  async purge(seq: number): Promise<void> {
    await this.#publish(`${this.#subject}.trimmed`, headers(), Buffer.from(String(seq)), API_MS)
    await this.#jsm.streams.purge(this.#frames, { seq })
    for (const of of await this.editedSeqs()) {
      if (of >= seq) continue
      for (let found = await this.edited(of); found !== undefined; found = await this.edited(of))
        await this.#erase(this.#edited, found.at)
    }
  }

  /** In whose places others stand. */
  async editedSeqs(): Promise<ReadonlySet<number>> {
    const { state } = await this.#jsm.streams.info(this.#edited, {
      subjects_filter: `${this.#subject}.edited.*`,
    })
    return new Set(Object.keys(state.subjects ?? {}).map((subject) => Number(subject.split('.').at(-1))))
  }

  async state(): Promise<StreamState> {
    return stateOf(await this.#jsm.streams.info(this.#frames))
  }

  async editedState(): Promise<StreamState> {
    return stateOf(await this.#jsm.streams.info(this.#edited))
  }

  /** Headers of the messages from `seq` on that are there now, in order, without bodies. */
  async *labels(seq: number): AsyncGenerator<Message> {
    const config: Partial<ConsumerConfig> = {
      name: `labels-${Math.random().toString(36).slice(2)}`,
      ack_policy: 'none',
      deliver_policy: 'by_start_sequence',
      opt_start_seq: seq,
      headers_only: true,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: CONSUMER_IDLE_MS * NANOS,
    }
    const { name, num_pending } = await this.#jsm.consumers.add(this.#frames, config)
    const consumer = await jetstream(this.#nc).consumers.get(this.#frames, name)
    try {
      for (let left = num_pending; left > 0; ) {
        const before = left
        const batch = await consumer.fetch({ max_messages: Math.min(LISTED_AT_ONCE, left), expires: API_MS })
        for await (const { headers: lines, seq: at } of batch) {
          left--
          yield { ...headOf(lines, at), bytes: Buffer.alloc(0), size: Number(lines?.get(SIZE_HEADER) ?? 0) }
        }
        if (left === before)
          throw new Error(`the stream ${this.#frames} gave none of ${left} messages in time`)
      }
    } finally {
      await this.#jsm.consumers.delete(this.#frames, name).catch(() => undefined)
    }
  }

  /** Says from where a reader needs entries; undefined takes the word back. */
  async say(reader: string, from: number | undefined, hub: string): Promise<void> {
    const subject = `${this.#subject}.readers.${Buffer.from(reader).toString('base64url')}`
    if (from === undefined) await this.#jsm.streams.purge(this.#readers, { filter: subject })
    else await this.#publish(subject, headers(), Buffer.from(JSON.stringify({ reader, from, hub })), API_MS)
  }

  /** The last word of every reader of every hub. */
  async said(): Promise<Word[]> {
    const { state } = await this.#jsm.streams.info(this.#readers, {
      subjects_filter: `${this.#subject}.readers.*`,
    })
    const words: Word[] = []
    for (const subject of Object.keys(state.subjects ?? {})) {
      const found = await this.#leaders(this.#readers, { last_by_subj: subject })
      if (found === undefined) continue
      words.push({ ...(JSON.parse(String(found.bytes)) as Omit<Word, 'seq'>), seq: found.seq })
    }
    return words
  }

  /** Tells the other hubs that there is a message `seq`; 0: that something else has changed. */
  ring(seq: number): void {
    if (!this.#nc.isClosed()) this.#nc.publish(`${this.#subject}.bell`, String(seq))
  }

  /** Gives the other hubs, if there are any, a message that the servers have acknowledged, so that they need not ask for it. */
  tell(seq: number, id: string, label: Label, bytes: Uint8Array): void {
    if (performance.now() < this.#aloneUntil) {
      this.ring(seq)
      return
    }
    if (this.#nc.isClosed()) return
    const lines = headersOf(id, label)
    lines.set(SEQ_HEADER, String(seq))
    this.#nc.publish(`${this.#subject}.told`, bytes, { headers: lines, reply: this.#nobody })
  }

  /** Calls `heard` when another hub rings, and with 0 when the connection is there again; `told` with what it tells. */
  listen(heard: (seq: number) => void, told: (message: Message) => void): void {
    this.#nc.subscribe(`${this.#subject}.bell`, {
      callback: (_error, message) => heard(Number.parseInt(message.string(), 10) || 0),
    })
    this.#nc.subscribe(this.#nobody, {
      callback: () => {
        this.#aloneUntil = performance.now() + ALONE_MS
      },
    })
    this.#nc.subscribe(`${this.#subject}.told`, {
      callback: (_error, message) => {
        const seq = Number.parseInt(message.headers?.get(SEQ_HEADER) ?? '', 10)
        if (seq > 0) told(messageOf(message, seq))
      },
    })
    void this.#hearReconnects(() => heard(0))
  }

  async close(): Promise<void> {
    await this.#nc.close()
  }

  async #hearReconnects(heard: () => void): Promise<void> {
    for await (const { type } of this.#nc.status()) if (type === 'reconnect') heard()
  }

  async #publish(subject: string, lines: MsgHdrs, bytes: Uint8Array, timeout: number): Promise<number> {
    const answer = await this.#nc.request(subject, bytes, { headers: lines, timeout })
    const ack = answer.json<{ seq?: number; error?: ServerError }>()
    if (ack.error !== undefined || ack.seq === undefined) throw refusalOf(ack.error)
    return ack.seq
  }

  /** From any copy of the stream, which may lag behind. */
  async #direct(stream: string, query: object): Promise<Msg | undefined> {
    const answer = await this.#nc.request(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), {
      timeout: API_MS,
    })
    const code = answer.headers?.code ?? 0
    if (code === 0) return answer
    if (code === 404) return undefined
    throw new Error(`the stream ${stream} answered ${code} ${answer.headers?.description ?? ''}`)
  }

  async #ofLeader(seq: number): Promise<Message | undefined> {
    return await this.#leaders(this.#frames, { seq })
  }

  /** From the leader of the stream. */
  async #leaders(stream: string, query: object): Promise<(Message & { subject: string }) | undefined> {
    const answer = await this.#nc.request(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify(query), {
      timeout: API_MS,
    })
    const { message, error } = answer.json<{ message?: StoredMessage; error?: ServerError }>()
    if (error?.err_code === NO_MESSAGE) return undefined
    if (message === undefined) throw refusalOf(error)
    const bytes = Buffer.from(message.data ?? '', 'base64')
    const lines = linesOf(Buffer.from(message.hdrs ?? '', 'base64').toString())
    const label = decodeLabel(lines.get(LABEL_HEADER.toLowerCase()) ?? '')
    const id = lines.get(ID_HEADER.toLowerCase()) ?? ''
    return { seq: message.seq, subject: message.subject, id, label, bytes, size: bytes.length }
  }

  async #erase(stream: string, seq: number): Promise<void> {
    try {
      await this.#jsm.streams.deleteMessage(stream, seq, true)
    } catch (error) {
      if (!(await this.#isGone(stream, seq))) throw error
    }
  }

  async #isGone(stream: string, seq: number): Promise<boolean> {
    return (await this.#leaders(stream, { seq })) === undefined
  }

  async #makeStreams(replicas: number | undefined): Promise<void> {
    const common = { storage: 'file', retention: 'limits', discard: 'new', allow_direct: true } as const
    const streams: (Partial<StreamConfig> & { name: string; subjects: string[] })[] = [
      {
        ...common,
        name: this.#frames,
        subjects: [`${this.#subject}.frames`],
        duplicate_window: REPEAT_MS * NANOS,
      },
      { ...common, name: this.#edited, subjects: [`${this.#subject}.edited.*`] },
      {
        ...common,
        discard: 'old',
        name: this.#readers,
        subjects: [`${this.#subject}.readers.*`, `${this.#subject}.trimmed`],
        max_msgs_per_subject: 1,
      },
    ]
    await Promise.all(streams.map((stream) => this.#make(stream, replicas)))
  }

  async #make(
    config: Partial<StreamConfig> & { name: string; subjects: string[] },
    replicas: number | undefined,
  ) {
    const found = await this.#jsm.streams.info(config.name).catch(unlessMissing)
    if (found !== undefined) {
      refuseUnfit(config.name, found, config)
      return
    }
    try {
      await this.#jsm.streams.add({ ...config, num_replicas: replicas ?? 3 })
    } catch (error) {
      const alone = error instanceof JetStreamApiError && error.code === NOT_CLUSTERED
      if (!alone || replicas !== undefined) throw error
      await this.#jsm.streams.add({ ...config, num_replicas: 1 })
    }
  }
}

interface ServerError {
  readonly code: number
  readonly err_code: number
  readonly description: string
}

interface StoredMessage {
  readonly subject: string
  readonly seq: number
  readonly hdrs?: string
  readonly data?: string
}

/** A stream that somebody else made or changed must keep what ours keeps. */
function refuseUnfit(name: string, { config }: StreamInfo, wanted: Partial<StreamConfig>): void {
  const { max_age, max_bytes, max_msgs, storage, retention, subjects, sealed, deny_delete, deny_purge } =
    config
  const problems = [
    [storage !== 'file', 'it is not kept in files'],
    [
      retention !== 'limits' || max_age > 0 || max_bytes > 0 || max_msgs > 0,
      'the servers remove messages from it by themselves',
    ],
    [sealed || deny_delete || deny_purge, 'messages of it cannot be removed'],
    [subjects.join() !== wanted.subjects?.join(), `its subjects are not ${wanted.subjects?.join()}`],
    [config.discard !== wanted.discard || config.allow_direct !== true, 'discard or allow_direct differ'],
  ].flatMap(([unfit, what]) => (unfit === true ? [what] : []))
  if (problems.length > 0)
    throw new ThalwegError(
      'SETTINGS_INVALID',
      `the stream ${name} cannot carry the log: ${problems.join('; ')}`,
    )
}

/** Servers that have just lost or not yet found a leader answer nothing for some seconds. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (const until = performance.now() + LEADER_MS_MAX; ; ) {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ThalwegError || performance.now() > until) throw error
      await pause(AGAIN_MS)
    }
  }
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof JetStreamApiError && error.code === NO_STREAM) return undefined
  throw error
}

async function reached<T>({ servers }: LogAddress, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof ThalwegError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ThalwegError(
      'LOG_UNREACHABLE',
      `NATS JetStream at ${servers.join(', ')} cannot be used: ${why}`,
      { cause },
    )
  }
}

function refusalOf(error: ServerError | undefined): Error {
  return new Error(
    error === undefined ? 'an answer without content' : `${error.description} (${error.err_code})`,
  )
}

function stateOf({ state, created, config }: StreamInfo): StreamState {
  const { first_seq, last_seq, bytes, messages } = state
  return {
    firstSeq: first_seq,
    lastSeq: last_seq,
    bytes,
    messages,
    createdAt: String(created),
    replicas: config.num_replicas,
  }
}

function headersOf(id: string, label: Label): MsgHdrs {
  const lines = headers()
  lines.set(ID_HEADER, id)
  lines.set(LABEL_HEADER, encodeLabel(label))
  return lines
}

function messageOf(answer: Msg, seq: number): Message {
  const { data } = answer
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return { ...headOf(answer.headers, seq), bytes, size: bytes.length }
}

function headOf(
  lines: MsgHdrs | undefined,
  seq: number,
): { seq: number; id: string; label: Label | undefined } {
  return { seq, id: lines?.get(ID_HEADER) ?? '', label: decodeLabel(lines?.get(LABEL_HEADER) ?? '') }
}

/** Header lines as the leader gives them: text, names in any case. */
function linesOf(text: string): Map<string, string> {
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const colon = line.indexOf(':')
      return colon < 0 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]]
    }),
  )
}
