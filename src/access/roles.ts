/** What callers may do: each role may do what those before it may. */

export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

export function allows(held: Role, needed: Role): boolean {
  return ROLES.indexOf(held) >= ROLES.indexOf(needed)
}

/** A role as a table keeps it; what an older program does not know counts as the least. */
export function roleOf(kept: string): Role {
  return ROLES.find((role) => role === kept) ?? 'viewer'
}
