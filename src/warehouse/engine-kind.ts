/**
 * A kind of query engine that an operator can connect to: what it must be told, what secrets open it, and how it is
 * opened. One folder of this room each; `engine-kinds.ts` lists them. The embedded database is no such kind: it is
 * always there and needs no connection.
 */

import type * as z from 'zod'
import type { Clock } from '../core/clock.ts'
import type { EngineKind, QueryEngine } from './warehouse.ts'

export interface EngineKindDefinition<Settings = unknown, Credentials = unknown> {
  /** The word in definitions and URLs; also the provider of the authorizations that open it. */
  readonly kind: Exclude<EngineKind, 'duckdb'>
  readonly title: string
  /** One or two sentences for the picker. */
  readonly description: string
  /** The form, the validator and the reference page, once. Every field carries `.describe()`. */
  readonly settings: z.ZodType<Settings>
  /**
   * The secret half, kept by an authorization of this provider; write-only. Where there is a destination of the same
   * name, it is the destination's schema: one authorization serves both.
   */
  readonly credentials: z.ZodType<Credentials>
  /** Reads the engine's modules and the client of its server: they are large, and most hubs ask few kinds. */
  load(): Promise<EngineOpener<Settings, Credentials>>
}

export interface EngineOpener<Settings = unknown, Credentials = unknown> {
  /** Connects when first asked, not here; never throws for a server that is away. */
  open(settings: Settings, credentials: Credentials, parts: EngineParts): QueryEngine
}

export interface EngineParts {
  readonly clock: Clock
  readonly logger: EngineLogger
}

/** The part of pino that engines use. They never log a query's text, a value or a secret. */
export interface EngineLogger {
  warn(fields: object, message: string): void
}
