/**
 * Where the keyboard goes on when the button that had the focus is gone with what it did: at the nearest place around it that can take the
 * focus (tabindex -1), at the latest the page.
 */

export function placeAround(button: Element): HTMLElement | null {
  return button.closest<HTMLElement>('[tabindex="-1"]')
}

/** Once what was done is drawn; whoever went elsewhere meanwhile stays there. */
export function goOnAt(place: HTMLElement | null): void {
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) place?.focus({ preventScroll: true })
  })
}
