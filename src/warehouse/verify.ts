/** Whether an engine can be asked at all: `select 1`, and what its failure says about settings and credentials. */

import { ThalwegError } from '../core/errors.ts'
import type { Fault, FaultKind } from '../core/fault.ts'
import { fitting, type Provider } from '../core/provider.ts'
import { DELIVERED, failed, type Receipt } from '../core/receipt.ts'
import type { EngineKindDefinition, EngineParts } from './engine-kind.ts'
import type { FaultDetails } from './failures.ts'
import type { QueryEngine } from './warehouse.ts'

const VERIFY_MS_MAX = 15_000

/** `delivered` means: it answered. Never throws for what the engine says. */
export async function verifyEngine(engine: QueryEngine): Promise<Receipt> {
  try {
    const { pages } = await engine.query(
      { sql: 'select 1', timeoutMs: VERIFY_MS_MAX },
      new AbortController().signal,
    )
    for await (const _ of pages);
    return DELIVERED
  } catch (error) {
    if (!(error instanceof ThalwegError)) throw error
    return failed(faultOf(error))
  }
}

/** The provider whose authorizations open engines of this kind. */
export function engineProvider(kind: EngineKindDefinition, parts: EngineParts): Provider {
  const { title, description, settings, credentials } = kind
  return {
    name: kind.kind,
    title,
    description,
    settings,
    credentials,
    placeIsGuarded: true,
    verify: async (given, secrets) => {
      const { open } = await kind.load()
      const engine = open(
        fitting(settings, given, 'settings'),
        fitting(credentials, secrets, 'credentials'),
        parts,
      )
      try {
        return await verifyEngine(engine)
      } finally {
        await engine.close()
      }
    },
  }
}

function faultOf({ code, message, details }: ThalwegError): Fault {
  if (code === 'ENGINE_UNREACHABLE')
    return { kind: (details as Partial<FaultDetails> | undefined)?.fault ?? 'unreachable', message }
  const kind: FaultKind = code === 'QUERY_TIMEOUT' ? 'unavailable' : 'misconfigured'
  return { kind, message }
}
