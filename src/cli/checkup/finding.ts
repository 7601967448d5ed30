/** One thing that doctor looked at. */
export interface Finding {
  readonly verdict: 'good' | 'warning' | 'bad'
  readonly about: string
  readonly detail: string
  /** How to mend it. */
  readonly mend?: string
}

export function good(about: string, detail: string): Finding {
  return { verdict: 'good', about, detail }
}

export function warning(about: string, detail: string, mend: string): Finding {
  return { verdict: 'warning', about, detail, mend }
}

export function bad(about: string, detail: string, mend: string): Finding {
  return { verdict: 'bad', about, detail, mend }
}
