/** The console in a real Chromium over a whole hub in this process, with the demo's currents and traffic when they are asked for. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { buildConsole } from '../../scripts/build-console.ts'
import { type Access, openAccess } from '../../src/access/access.ts'
import type { Role } from '../../src/access/roles.ts'
import { createApi, type MountedApi } from '../../src/api/api.ts'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { readSettings } from '../../src/core/settings.ts'
import { type Demo, startDemo } from '../../src/demo.ts'
import { type Hub, hubLogger, startHub } from '../../src/hub.ts'
import { apiPartsOf } from '../../src/hub-api.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { apiOf } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'

export const DESKTOP = { width: 1280, height: 860 }
export const PHONE = { width: 390, height: 844 }
const WAIT_MS_MAX = 15_000

export interface Look {
  /** As somebody comes who has never been here: with the tour. */
  readonly tour?: boolean
  readonly dark?: boolean
  readonly phone?: boolean
  /** Whose token the browser sends; `nobody`: it signs in like everybody else. */
  readonly as?: Role | 'nobody'
  /** Answers of 4xx and 5xx that the test means to bring about: parts of their addresses. */
  readonly refusals?: readonly string[]
}

export interface OpenedPage {
  readonly page: Page
  /** Errors on its console, failed requests, answers of 4xx and 5xx that were not announced; grows as they happen. */
  readonly wrong: readonly string[]
  close(): Promise<void>
}

export interface ConsoleStack {
  readonly hub: Hub
  readonly sandbox: Sandbox
  readonly demo: Demo | undefined
  /** With which the owner can be made. */
  readonly setupCode: string
  /** Opens an address of the console in a fresh context of the browser. Tests use `visit` (visit.ts), which also checks. */
  open(path: string, look?: Look): Promise<OpenedPage>
  /** Through the API, as admin unless told otherwise; throws unless the answer is 2xx. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
  call(method: string, path: string, body?: unknown, as?: Role): Promise<any>
  close(): Promise<void>
}

export interface ConsoleOptions {
  /** Without it the hub is empty. */
  readonly demo?: {
    readonly eventsPerSecond?: number /** Waits until so many events are in the log. */
    readonly untilHead?: number
  }
}

/** Start it in `beforeAll`, close it in `afterAll`: a hub and a browser for all tests of a file. */
export async function startConsole(options: ConsoleOptions = {}): Promise<ConsoleStack> {
  buildConsole({ ifStale: true })
  const clock = systemClock
  const sandbox = await startSandbox({ clock, random: seededRandom(7) })
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-test-'))
  const tokens: Record<Role, string> = { viewer: '', operator: '', admin: '' }
  let api: MountedApi | undefined
  let access: Access | undefined
  let setupCode = ''
  const hub = await startHub(
    {
      settings: readSettings(
        {},
        {
          dataDir,
          port: 0,
          segmentBytes: 4_194_304,
          decompressedBytesMax: 1_048_576,
          bodyBytesMax: 1_048_576,
        },
      ),
      clock,
      random: seededRandom(2),
      logger: hubLogger('silent'),
    },
    async (started) => {
      const opened = await openAccess({
        store: started.store,
        clock: started.clock,
        logger: started.logger,
        dataDir: started.settings.dataDir,
        limits: started.settings,
        demo: options.demo !== undefined,
      })
      access = opened.access
      setupCode = opened.setupCode ?? ''
      tokens.admin = opened.firstToken ?? ''
      for (const role of ['viewer', 'operator'] as const)
        tokens[role] = (await access.tokens.create(`test ${role}`, role)).secret
      const mounted = await createApi({
        version: '0.0.0-test',
        ...apiPartsOf(started, sandbox),
        access,
      })
      api = mounted
      return {
        handle: (request, response) => mounted.handle(request, response),
        close: () => mounted.close(),
      }
    },
  )
  const demo =
    options.demo === undefined
      ? undefined
      : await startDemo(hub, sandbox, { seed: 7, eventsPerSecond: options.demo.eventsPerSecond ?? 60 })
  const head = options.demo?.untilHead ?? 0
  await eventually(`${head} events are in the log`, () => hub.log.head >= head, { withinMs: 60_000 })
  const browser = await launchBrowser()
  const contexts = new Map<string, BrowserContext>()
  return {
    hub,
    sandbox,
    demo,
    setupCode,
    open: (path, look = {}) =>
      openPage(
        browser,
        contexts,
        `${hub.url}${path}`,
        look.as === 'nobody' ? undefined : tokens[look.as ?? 'admin'],
        look,
      ),
    call: (method, path, body, as = 'admin') => apiOf(hub.url, tokens[as])(method, path, body),
    close: async () => {
      await browser.close()
      demo?.stop()
      await sandbox.braze.vendor.close()
      await hub.close()
      await sandbox.close()
      access?.stop()
      await api?.close()
      await rm(dataDir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** Debian's Chromium, asking nobody but us. */
function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.THALWEG_TEST_CHROMIUM ?? '/usr/bin/chromium-headless-shell',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

async function newContext(
  browser: Browser,
  token: string | undefined,
  { dark = false, phone = false, tour = false }: Look,
): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: phone ? PHONE : DESKTOP,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    ...(token === undefined ? {} : { extraHTTPHeaders: { authorization: `Bearer ${token}` } }),
  })
  context.setDefaultTimeout(WAIT_MS_MAX)
  // The tour would stand on what is looked at.
  if (!tour) await context.addInitScript("localStorage.setItem('thalweg-tour', 'away')")
  return context
}

/** `wrong`: what the page did wrong on the side, as it happens. */
async function openPage(
  browser: Browser,
  contexts: Map<string, BrowserContext>,
  url: string,
  token: string | undefined,
  look: Look,
): Promise<OpenedPage> {
  // What the browser has read once it keeps for the next page of the same look; who signs in comes as a stranger each time.
  const key = token === undefined ? undefined : JSON.stringify([token, look.dark, look.phone, look.tour])
  const known = key === undefined ? undefined : contexts.get(key)
  const context = known ?? (await newContext(browser, token, look))
  if (key !== undefined) contexts.set(key, context)
  const page = await context.newPage()
  const wrong: string[] = []
  const isMeant = (address: string): boolean => (look.refusals ?? []).some((part) => address.includes(part))
  page.on('pageerror', (error) => wrong.push(`thrown: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' && !isMeant(message.location().url))
      wrong.push(`console: ${message.text()}`)
  })
  page.on('requestfailed', (request) => {
    // Leaving a page ends what it was still asking.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED')
      wrong.push(`failed: ${request.url()} ${request.failure()?.errorText}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400 && !isMeant(response.url()))
      wrong.push(`${response.status()}: ${response.url()}`)
  })
  await page.goto(url)
  return { page, wrong, close: () => (key === undefined ? context.close() : page.close()) }
}
