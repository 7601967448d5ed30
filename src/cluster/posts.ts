/** Names of posts that more than one room has to know. */

export const SCHEDULE_POST = 'schedule'
export const ALERTS_POST = 'alerts'
