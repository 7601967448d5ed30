/**
 * The receipt of an erasure: what was found and taken away where, and what is left for others to do; without any identifier, but for keyed hashes.
 * Signed with the installation's own Ed25519 key, so that it can be shown to whoever asks, and checked for what it says.
 */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import { ThalwegError } from '../core/errors.ts'
import type { SubjectKind } from '../core/traces.ts'
import { remembered } from '../store/meta.ts'
import type { Sealer } from '../store/sealing.ts'
import type { Store } from '../store/store.ts'
import type { SearchResult } from './search.ts'

export interface PlaceCount {
  readonly place: string
  /** Before anything was done; and what the step took away or blotted out. After a crash in a step the second may be less: the rest was done before. */
  readonly found: number
  readonly removed: number
}

export interface TargetOutcome {
  /** Label of the authorization. */
  readonly authorization: string
  readonly vendor: string
  readonly deleted: number
  /** Why the vendor did not do it; '' when it did. */
  readonly problem: string
}

export interface Receipt {
  readonly version: 1
  readonly erasure: string
  readonly requestedBy: string
  readonly note: string
  readonly requestedAt: number
  readonly finishedAt: number
  /** Keyed: only this installation can make the same hash of an identifier. */
  readonly identifiers: readonly { readonly kind: SubjectKind; readonly hash: string }[]
  readonly suppressed: boolean
  readonly places: readonly PlaceCount[]
  readonly targets: readonly TargetOutcome[]
  /** What the program cannot do, in words. */
  readonly left: readonly string[]
  /** Every node that ever worked on the store; absent where there can be one only. */
  readonly nodes?: readonly { readonly node: string; readonly state: NodeOutcome }[]
  /** The look through every byte of the data directory afterwards, of all nodes whose part is done. */
  readonly search: {
    readonly files: number
    readonly bytes: number
    /** Files in which an identifier was found all the same, with the node where there are several. */
    readonly remaining: readonly string[]
    /** Identifiers that say too little to be looked for: short numbers and words. */
    readonly notSearched: number
  }
  /** PEM. */
  readonly publicKey: string
}

/**
 * - done: its folders are erased and searched
 * - away: it was not there; it does its part when it starts, and signs an addendum
 * - waived: somebody says that its folders are gone
 */
export type NodeOutcome = 'done' | 'away' | 'waived'

/** What a receipt says of a node that was away when it was signed, once its part is done. */
export interface Addendum {
  readonly version: 1
  /** To the receipt of this erasure. */
  readonly erasure: string
  readonly node: string
  readonly finishedAt: number
  readonly places: readonly { readonly place: string; readonly removed: number }[]
  readonly search: SearchResult
  /** PEM. */
  readonly publicKey: string
}

export interface ErasureKeys {
  /** Keys the hashes of identifiers. */
  readonly hashKey: Buffer
  readonly publicKey: string
  sign(text: string): string
}

const META_KEY = 'erasure_keys'

/** Made at the first start, kept sealed. Throws SEALING_KEY. */
export async function openErasureKeys(store: Store, sealer: Sealer): Promise<ErasureKeys> {
  const sealed = await remembered(store, META_KEY, () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const made = {
      hashKey: randomBytes(32).toString('base64'),
      signingKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    }
    return Buffer.from(sealer.seal(Buffer.from(JSON.stringify(made)), META_KEY)).toString('base64')
  })
  const opened = Buffer.from(sealer.open(Buffer.from(sealed, 'base64'), META_KEY)).toString()
  const { hashKey, signingKey } = JSON.parse(opened) as { hashKey: string; signingKey: string }
  const privateKey = createPrivateKey(signingKey)
  return {
    hashKey: Buffer.from(hashKey, 'base64'),
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
  }
}

/** The one text of a value: members in the order of their names, no white space. What is signed. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(',')}}`
}

/** Whether the signature is that of the holder of `publicKey`. Throws INPUT_INVALID when that is no key. */
export function isSigned(receipt: unknown, signature: string, publicKey: string): boolean {
  let key: ReturnType<typeof createPublicKey>
  try {
    key = createPublicKey(publicKey)
  } catch (cause) {
    throw new ThalwegError('INPUT_INVALID', 'The receipt holds no public key', { cause })
  }
  return verify(null, Buffer.from(canonical(receipt)), key, Buffer.from(signature, 'base64'))
}
