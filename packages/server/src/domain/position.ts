// A place in the order of a timeline's commits.

import type { Brand } from '@hongyan/base/brand';

/**
 * Opaque to everyone but the timeline adapter that made it: 1–128 of A–Z a–z 0–9 . _ -
 * Callers cannot compare positions, and a store kept on several machines has no single order.
 */
export type Position = Brand<string, 'Position'>;
