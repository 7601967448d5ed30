/** Names of posts that more than one room has to know. */

export const SCHEDULE_POST = 'schedule'
export const ALERTS_POST = 'alerts'
/** Nobody offers it: it is held while an apply is under way. */
export const APPLY_POST = 'apply'
