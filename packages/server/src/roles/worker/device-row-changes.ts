// [T19] Rows of devices that changed, also by a hand that knows nothing of this program, are forgotten in the lookup.

import type { DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { RowChange } from '../../ports/row-changes/row-changes.ts';

interface Forgets {
  forgetDevices(tokens: readonly DeviceToken[]): Promise<void>;
  forgetUsers(userIds: readonly UserId[]): Promise<void>;
}

/** Done again, or late, it costs a read of the store. */
export const forgetChangedDevices =
  (lookup: Forgets) =>
  async (changes: readonly RowChange[]): Promise<void> => {
    const rows = changes.flatMap(({ before, after }) => [before, after]).filter((row) => row !== undefined);
    await lookup.forgetDevices(textsOf<DeviceToken>(rows, 'token'));
    await lookup.forgetUsers(textsOf<UserId>(rows, 'user_id'));
  };

function textsOf<T extends string>(rows: readonly Readonly<Record<string, unknown>>[], column: string): readonly T[] {
  const texts = rows.map((row) => row[column]).filter((value) => typeof value === 'string');
  return [...new Set(texts)] as T[];
}
