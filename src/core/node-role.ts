/** What a node of a cluster takes part in: the doors, the way out, what runs once in a cluster, and the surface for people and programs. */

export const NODE_ROLES = ['ingest', 'deliver', 'schedule', 'api'] as const
export type NodeRole = (typeof NODE_ROLES)[number]
