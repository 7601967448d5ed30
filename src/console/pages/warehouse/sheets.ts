/**
 * The sheets of SQL that are open, and what each of them asked. Texts stay for the session of the browser; results stay until the page is
 * loaded anew, so that a query goes on while one looks elsewhere.
 */

import { useSyncExternalStore } from 'react'
import type { ResultAnswer } from '../../../api/routes/sql.ts'
import { ApiFailure, call } from '../../api/client.ts'

export interface Sheet {
  readonly id: number
  readonly engine: string
  readonly sql: string
  /** Name of the saved query that it was opened from, or saved as. */
  readonly saved?: string
  /** Rows to look at. */
  readonly rowsMax: number
}

export type Run = { readonly sql: string; readonly engine: string; readonly startedAt: number } & (
  | { readonly state: 'running'; readonly leave: AbortController }
  | { readonly state: 'cancelled'; readonly endedAt: number }
  | { readonly state: 'failed'; readonly endedAt: number; readonly error: ApiFailure }
  | { readonly state: 'done'; readonly endedAt: number; readonly result: ResultAnswer }
)

interface State {
  readonly sheets: readonly Sheet[]
  readonly open: number
  readonly runs: ReadonlyMap<number, Run>
}

const KEY = 'thalweg.sheets'
export const SHEETS_MAX = 20
export const ROWS_CHOICES = [1_000, 10_000, 100_000]
const FIRST: Sheet = { id: 1, engine: 'warehouse', sql: '', rowsMax: ROWS_CHOICES[0] ?? 1_000 }

let state: State = { ...remembered(), runs: new Map() }
const watchers = new Set<() => void>()

function remembered(): Pick<State, 'sheets' | 'open'> {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '') as Pick<State, 'sheets' | 'open'>
    if (kept.sheets.some(({ id }) => id === kept.open)) return { sheets: kept.sheets, open: kept.open }
  } catch {
    // Nothing was kept, or nothing that can be read.
  }
  return { sheets: [FIRST], open: FIRST.id }
}

function tell(next: Partial<State>): void {
  state = { ...state, ...next }
  const { sheets, open } = state
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ sheets, open }))
  } catch {
    // Texts of megabytes have no room there: they last until the page is loaded anew.
  }
  for (const watcher of watchers) watcher()
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher)
  return () => watchers.delete(watcher)
}

export function useSheets(): State {
  return useSyncExternalStore(watch, () => state)
}

export function openSheet(id: number): void {
  tell({ open: id })
}

/** A further sheet, opened; the one of the same saved query is opened instead of a second one. */
export function addSheet(wanted: Partial<Omit<Sheet, 'id'>> = {}): void {
  const { sheets, open } = state
  const same = sheets.find(({ saved }) => saved !== undefined && saved === wanted.saved)
  // A sheet that nobody wrote on is as good as a new one.
  const blank = wanted.sql === undefined ? undefined : sheets.find(({ id, sql }) => id === open && sql === '')
  if (same !== undefined) openSheet(same.id)
  else if (blank !== undefined) changeSheet(blank.id, wanted)
  else if (sheets.length < SHEETS_MAX) {
    const id = Math.max(0, ...sheets.map((sheet) => sheet.id)) + 1
    const { engine } = sheets.find((sheet) => sheet.id === open) ?? FIRST
    tell({ sheets: [...sheets, { ...FIRST, engine, ...wanted, id }], open: id })
  }
}

export function changeSheet(id: number, change: Partial<Omit<Sheet, 'id'>>): void {
  tell({ sheets: state.sheets.map((sheet) => (sheet.id === id ? { ...sheet, ...change } : sheet)) })
}

/** Ends what it asks, too. */
export function closeSheet(id: number): void {
  cancel(id)
  const at = state.sheets.findIndex((sheet) => sheet.id === id)
  const rest = state.sheets.filter((sheet) => sheet.id !== id)
  const sheets = rest.length === 0 ? [{ ...FIRST, id: id + 1 }] : rest
  const open = state.open === id ? (sheets[Math.min(at, sheets.length - 1)] ?? FIRST).id : state.open
  const runs = new Map(state.runs)
  runs.delete(id)
  tell({ sheets, open, runs })
}

/** Leaving the answer ends the query, also on its server. */
export function cancel(id: number): void {
  const run = state.runs.get(id)
  if (run?.state === 'running') run.leave.abort()
}

export async function run({ id, engine, sql, rowsMax }: Sheet): Promise<void> {
  if (sql.trim() === '') return
  cancel(id)
  const leave = new AbortController()
  const asked = { sql, engine, startedAt: Date.now() }
  const running: Run = { ...asked, state: 'running', leave }
  note(id, running)
  const ended = await answered(asked, rowsMax, leave.signal)
  // Another run of the sheet may have begun.
  if (state.runs.get(id) === running) note(id, ended)
}

async function answered(
  asked: Pick<Run, 'sql' | 'engine' | 'startedAt'>,
  rowsMax: number,
  signal: AbortSignal,
): Promise<Run> {
  const { sql, engine } = asked
  try {
    const result = await call<ResultAnswer>('POST', '/sql', { body: { sql, engine, rowsMax }, signal })
    const endedAt = Date.now()
    if (result.error === null) return { ...asked, state: 'done', endedAt, result }
    return { ...asked, state: 'failed', endedAt, error: new ApiFailure(200, result.error) }
  } catch (error) {
    const endedAt = Date.now()
    if (signal.aborted) return { ...asked, state: 'cancelled', endedAt }
    if (error instanceof ApiFailure) return { ...asked, state: 'failed', endedAt, error }
    // The answer broke off in its middle.
    const message = 'The answer broke off. The hub may have stopped.'
    return { ...asked, state: 'failed', endedAt, error: new ApiFailure(0, { code: 'UNREACHABLE', message }) }
  }
}

function note(id: number, next: Run): void {
  tell({ runs: new Map(state.runs).set(id, next) })
}
