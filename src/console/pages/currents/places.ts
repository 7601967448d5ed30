/** Where the pages of currents are, and what stands beside them. */

const part = encodeURIComponent

/** A current may be called like the page that makes new ones: then its number leads to it. */
export function currentPlace({ name, number }: { readonly name: string; readonly number: number }): string {
  return `/currents/${name === 'new' ? number : part(name)}`
}

export const deadLettersPlace = (name: string): string => `/dead-letters?current=${part(name)}`
export const deadLetterPlace = (id: string): string => `/dead-letters/${part(id)}`
export const eventPlace = (id: string): string => `/events/${part(id)}`
export const activationPlace = (name: string): string => `/activations/${part(name)}`
/** The parts of one current. */
export function tabPlace(current: { readonly name: string; readonly number: number }, tab: string): string {
  return `${currentPlace(current)}/${tab}`
}

export const INBOX: string = '/inbox'
