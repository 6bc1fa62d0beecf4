// A place in the order of a timeline's commits.

import type { Brand } from '@hongyan/base/brand';

/** Opaque to everyone but the timeline adapter that made it: 1–128 of A–Z a–z 0–9 . _ - */
export type Position = Brand<string, 'Position'>;
