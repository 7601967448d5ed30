/**
 * A job as the API tells it. Ids are strings, dates that are not set are empty strings, schemas are JSON in a string: so
 * at the vendor, and what breaks naive clients most.
 */

import type { Job } from './jobs.ts'

export function statusOf(job: Job) {
  const endedAtMs = job.endedAtMs ?? job.startedAtMs ?? job.createdAtMs
  const ranMs =
    job.startedAtMs === undefined || job.endedAtMs === undefined ? null : job.endedAtMs - job.startedAtMs
  return {
    job_id: String(job.id),
    status: job.status,
    created_at: dateText(job.createdAtMs),
    start_at: dateText(job.startedAtMs),
    end_at: dateText(job.endedAtMs),
    updated_at: dateText(endedAtMs),
    duration: ranMs === null ? null : Math.round(ranMs / 1000),
    cpu_time: null,
    num_records: job.result?.result.rowCount ?? null,
    result_size: job.result?.bytes ?? null,
  }
}

export function showOf(job: Job) {
  return {
    ...statusOf(job),
    type: job.engine,
    query: job.query,
    database: job.database,
    user_name: 'owner',
    url: `https://console.treasuredata.com/app/jobs/${job.id}`,
    result: '',
    hive_result_schema:
      job.result === undefined
        ? null
        : JSON.stringify(job.result.result.columns.map(({ name, type }) => [name, type])),
    priority: job.priority,
    retry_limit: job.retryLimit,
    linked_result_export_job_id: null,
    result_export_target_job_id: null,
    organization: null,
    debug: {
      cmdout:
        job.startedAtMs === undefined
          ? ''
          : `started at ${dateText(job.startedAtMs)}\nexecuting query: ${job.query}\n`,
      stderr: job.error === undefined ? '' : `Query ${queryId(job)} failed: ${job.error}\n`,
    },
  }
}

/** Presto's own id of a query: when it began, and a number. */
function queryId(job: Job): string {
  const digits = new Date(job.startedAtMs ?? job.createdAtMs).toISOString().replace(/\D/g, '')
  return `${digits.slice(0, 8)}_${digits.slice(8, 14)}_${String(job.id).padStart(5, '0')}_td`
}

export function dateText(atMs: number | undefined): string {
  return atMs === undefined ? '' : `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
