/** The thread that writes one run and ends. Sorting and merging take seconds, which the thread that receives requests does not have. */

import { parentPort, workerData } from 'node:worker_threads'
import type { RunFacts } from './run-file.ts'
import { type RunPlan, writeMerge, writeSpill } from './run-write.ts'

export type RunJob =
  | { readonly kind: 'spill'; readonly plan: RunPlan; readonly table: Uint32Array }
  | { readonly kind: 'merge'; readonly plan: RunPlan; readonly inputs: readonly RunFacts[] }

const job = workerData as RunJob
const opened = job.kind === 'spill' ? writeSpill(job.plan, job.table) : writeMerge(job.plan, job.inputs)
parentPort?.postMessage(opened)
