// The user id that a command takes as its only word.

import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import { UsageError } from './command.ts';

export function onlyUserId(words: readonly string[], command: string): UserId {
  const [userId = ''] = words;
  if (words.length === 1 && new RegExp(userIdPattern).test(userId)) return userId as UserId;
  throw new UsageError(`give one user id of 1 to 64 letters, digits, _ . @ -: hongyan ${command} alice`);
}
