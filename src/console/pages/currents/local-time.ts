/** As a field of local date and time wants a moment: to the second, in the time zone of whoever looks. */
export function localText(ms: number): string {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19)
}
