/**
 * Where the keyboard goes on when the button that had the focus is gone with what it did: at the nearest place around it that can take the
 * focus (tabindex -1), at the latest the page.
 */

import { useEffect, useRef } from 'react'

export function placeAround(button: Element): HTMLElement | null {
  return button.closest<HTMLElement>('[tabindex="-1"]')
}

/** Once what was done is drawn; whoever went elsewhere meanwhile stays there. */
export function goOnAt(place: HTMLElement | null): void {
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) place?.focus({ preventScroll: true })
  })
}

/** For a button that goes with what it did, sooner or later: to be called with it when it is pressed. */
export function usePlaceKept(): (button: Element) => void {
  const place = useRef<HTMLElement>(null)
  useEffect(() => () => goOnAt(place.current), [])
  return (button) => {
    place.current = placeAround(button)
  }
}
