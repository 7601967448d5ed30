/** Makes kernels. Each has its own memory, types and projections, and serves one thread. */

import { JavaScriptKernel } from './javascript.ts'
import type { Kernel, KernelOptions } from './kernel.ts'
import { WasmKernel } from './wasm.ts'

/** A body of the largest size and its rows stay far below the 2 GB where addresses turn negative in JavaScript. */
const BODY_BYTES_MAX = 512 * 1024 * 1024
const ITEMS_MAX = 8 * 1024 * 1024
const KEY_BYTES = 16

/** The WASM kernel. Throws KERNEL_MISSING when it cannot be loaded, RangeError when an option is out of bounds. */
export function createKernel(options: KernelOptions): Kernel {
  check(options)
  return new WasmKernel(options)
}

/** The same in plain JavaScript, several times slower: the oracle of tests, and for hosts without WASM. */
export function createJavaScriptKernel(options: KernelOptions): Kernel {
  check(options)
  return new JavaScriptKernel(options)
}

function check({ bodyBytesMax, itemsMax, key }: KernelOptions): void {
  if (!Number.isInteger(bodyBytesMax) || bodyBytesMax < 1 || bodyBytesMax > BODY_BYTES_MAX) {
    throw new RangeError(`bodyBytesMax must be between 1 and ${BODY_BYTES_MAX}, not ${bodyBytesMax}`)
  }
  if (!Number.isInteger(itemsMax) || itemsMax < 1 || itemsMax > ITEMS_MAX) {
    throw new RangeError(`itemsMax must be between 1 and ${ITEMS_MAX}, not ${itemsMax}`)
  }
  if (key.length !== KEY_BYTES)
    throw new RangeError(`The key must have ${KEY_BYTES} bytes, not ${key.length}`)
}
