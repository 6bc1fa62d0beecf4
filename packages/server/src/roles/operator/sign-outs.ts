// [O34] Signing a user out, everywhere or on one device: the tokens are revoked, and their connections close with 4201.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import Type from 'typebox';
import type { Caller, CoreOperations } from '../../ports/core/core.ts';
import type { Users } from '../../ports/directory/users.ts';
import type { OperatorRequest, OperatorRoute } from './route.ts';

const BodySchema = Type.Object({
  /** Absent: every device. */
  device_id: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
});

export interface SignOutParts {
  readonly core: Pick<CoreOperations, 'logoutAll' | 'revokeOwnDevice'>;
  readonly directory: Pick<Users, 'getUsers'>;
}

export const signOutRoute = (parts: SignOutParts): OperatorRoute => ({
  method: 'POST',
  path: '/admin/v1/users/:user_id/sign-out',
  handle: (request) => signOut(request, parts),
});

async function signOut(request: OperatorRequest, { core, directory }: SignOutParts): Promise<Result<unknown>> {
  const body = await request.body(BodySchema);
  if (body.type !== 'ok') return body;
  const wanted = request.params.user_id as UserId;
  const user = (await directory.getUsers([wanted])).get(wanted);
  if (user === undefined) return refusal.noSuch(`user ${wanted.slice(0, 64)}`);
  const caller: Caller = { userId: user.userId, tokenId: 'operator', address: '' };
  const { device_id: deviceId } = body.value;
  if (deviceId === undefined) return core.logoutAll(caller, {});
  return core.revokeOwnDevice(caller, { device_id: deviceId as DeviceId });
}
