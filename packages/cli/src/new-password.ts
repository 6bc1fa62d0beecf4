// A new password for an account in the data folder: read or created, checked by the rules of sign-up, hashed.

import type { UserId } from '@hongyan/protocol/ids';
import { checkNewPassword } from '@hongyan/server/domain/password';
import { hashPassword } from '@hongyan/server/roles/core/accounts';
import { UsageError } from './command.ts';
import { randomPassword, readNewPassword } from './password.ts';

export interface NewPassword {
  readonly hash: string;
  /** The password itself, where this command created it: it is printed once and stored nowhere. */
  readonly created: string | undefined;
}

export async function newPasswordOf(
  userId: UserId,
  { isRandom }: { readonly isRandom: boolean },
): Promise<NewPassword> {
  const created = isRandom ? randomPassword() : undefined;
  const checked = checkNewPassword(created ?? (await readNewPassword(`Password of ${userId}`)), userId);
  if (checked.type !== 'ok') throw new UsageError(checked.message);
  return { hash: await hashPassword(checked.value), created };
}
