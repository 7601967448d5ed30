/** The Custom HTTP shape: exactly these five members, in this order. */
export interface CurrentsEvent {
  readonly event_type: string
  readonly id: string
  /** Unix seconds. */
  readonly time: number
  readonly user: Readonly<Record<string, string>>
  readonly properties: Readonly<Record<string, unknown>>
}
