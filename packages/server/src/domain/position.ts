// A position in the commits of a timeline.

import type { Brand } from '@hongyan/base/brand';

/**
 * Opaque to everyone except the timeline adapter that created it: 1–128 of A–Z a–z 0–9 . _ -
 * Callers cannot compare positions: a store on several machines has no single order.
 */
export type Position = Brand<string, 'Position'>;
