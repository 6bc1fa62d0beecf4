// What the user's clock and calendar show, in the time zone that the device is in now.

const minuteMs = 60_000;

/**
 * Of a moment in Unix ms, as if that clock were in UTC. For formatters, which are made for UTC and kept: one that is made for the zone
 * of the device keeps the zone that it was made in, and the device may move to another one while the page is open.
 */
export const wallClock = (atMs: number): number => atMs - new Date(atMs).getTimezoneOffset() * minuteMs;
