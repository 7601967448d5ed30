/**
 * The way to the objects: the API itself, asked with the rights of whoever applies. So what files change goes the way of what the
 * console changes: the same checks, the same roles, the same entries in the trail.
 */

export interface Desk {
  /** Throws what the API refuses, as ThalwegError. `where`: below /api/v1, with its query. */
  get<Answer>(where: string): Promise<Answer>
  send<Answer>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', where: string, body?: unknown): Promise<Answer>
}
