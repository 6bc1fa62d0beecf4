// Operations that revoke tokens: that of the caller, those of all devices, or those of one device.

import Type from 'typebox';
import { DeviceIdSchema } from '../ids.ts';
import { operation } from './operation.ts';

const tag = 'accounts';

export const signOutOperations = {
  logout: operation({
    summary: 'Revoke the token of this request; its connections close with 4201',
    input: Type.Object({}),
    refusals: [],
    needs: 'token',
    changes: true,
    http: { method: 'POST', path: '/v1/auth/logout', tag },
  }),
  logoutAll: operation({
    summary: 'Revoke every token that the user has, on all devices',
    input: Type.Object({}),
    refusals: [],
    needs: 'token',
    scope: 'users:manage',
    changes: true,
    http: { method: 'POST', path: '/v1/auth/logout-all', tag },
  }),
  listOwnDevices: operation({
    summary: 'The devices on which the user is logged in, newest first, at most 100',
    input: Type.Object({}),
    output: Type.Object({
      devices: Type.Array(
        Type.Object({
          device_id: DeviceIdSchema,
          name: Type.String({ description: 'Name of the client; may be empty' }),
          last_seen: Type.Integer({ description: 'Unix milliseconds' }),
          online: Type.Boolean(),
          current: Type.Boolean({ description: 'It has connected with the token of this request' }),
        }),
      ),
    }),
    refusals: [],
    needs: 'token',
    scope: 'users:manage',
    changes: false,
    http: { method: 'GET', path: '/v1/me/devices', tag, status: 200 },
  }),
  revokeOwnDevice: operation({
    summary: 'Sign a device out: revoke every token with which it has connected',
    input: Type.Object({ device_id: DeviceIdSchema }),
    refusals: ['not_found'],
    needs: 'token',
    scope: 'users:manage',
    changes: true,
    http: { method: 'DELETE', path: '/v1/me/devices/{device_id}', tag },
  }),
} as const;
