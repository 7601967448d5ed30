import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

/** What stands behind #code= in the address, where no server sees it. */
export function useCode(): [string, (code: string) => void] {
  return useState(() => new URLSearchParams(window.location.hash.slice(1)).get('code') ?? '')
}

/** To the loop; the address with the code is not kept in the history. */
export function useHome(): () => void {
  const navigate = useNavigate()
  return () => void navigate({ to: '/', replace: true })
}
