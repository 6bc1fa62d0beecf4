// Short ways to say how a question to the core ended.

import type { ErrorCode } from '@hongyan/protocol/codes';
import type { Outcome, Refusal } from '../../ports/core/core.ts';

export const ok = <T>(value: T): Outcome<T> => ({ type: 'ok', value });
export const done: Outcome<void> = { type: 'ok', value: undefined };
export const refused = (code: ErrorCode, message: string): Refusal => ({ type: 'refused', code, message });
export const notMember = refused('not_member', 'you are not a member of this conversation');
