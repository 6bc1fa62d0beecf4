// Operations on devices: registration by an application's back end, and the owner of a device.

import Type, { type Static } from 'typebox';
import { DeviceIdSchema, DeviceTokenSchema, UserIdSchema } from '../ids.ts';
import { operation } from './operation.ts';

const short = Type.String({ minLength: 1, maxLength: 64 });
const timeMs = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Unix milliseconds' });

/** Optional fields of a registration. */
export const deviceDetails = ['platform', 'app_version', 'locale', 'timezone'] as const;

const details = {
  platform: Type.Optional(short),
  app_version: Type.Optional(short),
  locale: Type.Optional(short),
  timezone: Type.Optional(short),
};

export const RegistrationSchema = Type.Object({
  device_token: DeviceTokenSchema,
  model: Type.String({ minLength: 1, maxLength: 128 }),
  firmware: short,
  ...details,
  registered_at: Type.Optional({
    ...timeMs,
    description:
      'When the registration was made, in Unix milliseconds: the newest of a device wins. Default: the time of the signature',
  }),
});
export type RegistrationInput = Static<typeof RegistrationSchema>;

/** Devices of one batch. */
const registrationsMax = 1_000;

const AcceptedSchema = Type.Object({
  accepted: Type.Integer({ description: 'Number of registrations, which are stored soon' }),
});

const DeviceSchema = Type.Object({
  device_token: DeviceTokenSchema,
  model: Type.String(),
  firmware: Type.String(),
  ...details,
  registered_at: timeMs,
  user_id: Type.Optional(UserIdSchema),
  device_id: Type.Optional(DeviceIdSchema),
  last_seen: Type.Optional({
    ...timeMs,
    description: 'When the device last had an open session, in Unix milliseconds',
  }),
});

const path = '/v1/devices/{device_token}';
const tag = 'devices';

export const deviceOperations = {
  registerDevice: operation({
    summary: 'Register a device or update its registration; signed with an API key',
    input: RegistrationSchema,
    output: AcceptedSchema,
    refusals: ['unauthorized', 'forbidden'],
    needs: 'signature',
    changes: true,
    http: { method: 'POST', path: '/v1/devices/register', tag, status: 202 },
    inputBytesMax: 8_192,
  }),
  registerDevices: operation({
    summary: 'Register up to 1,000 devices, each checked separately; signed with an API key',
    input: Type.Object({
      devices: Type.Array(Type.Unknown({ description: 'Like the body of /v1/devices/register' }), {
        minItems: 1,
        maxItems: registrationsMax,
        examples: [[{ device_token: 'f3b1c9de-6f0e-4c1a-9d57-2b7f4e1a90cc', model: 'P1', firmware: '3.2.0' }]],
      }),
    }),
    output: Type.Object({
      ...AcceptedSchema.properties,
      refused: Type.Array(
        Type.Object({ index: Type.Integer({ description: 'Index in the list, from 0' }), reason: Type.String() }),
      ),
    }),
    refusals: ['unauthorized', 'forbidden'],
    needs: 'signature',
    changes: true,
    http: { method: 'POST', path: '/v1/devices/register/batch', tag, status: 202 },
    inputBytesMax: 1_048_576,
  }),
  getDevice: operation({
    summary: 'A registered device of the user',
    input: Type.Object({ device_token: DeviceTokenSchema }),
    output: DeviceSchema,
    refusals: ['not_found'],
    needs: 'token',
    changes: false,
    http: { method: 'GET', path, tag, status: 200 },
  }),
  bindDevice: operation({
    summary:
      'Bind a registered device to the user; device_id links it to the device with that id in the sessions of the user',
    input: Type.Object({ device_token: DeviceTokenSchema, device_id: Type.Optional(DeviceIdSchema) }),
    refusals: ['not_found', 'conflict'],
    needs: 'token',
    changes: true,
    http: { method: 'PUT', path: `${path}/owner`, tag },
  }),
  unbindDevice: operation({
    summary: 'Unbind a device from the user: it stays registered, without an owner',
    input: Type.Object({ device_token: DeviceTokenSchema }),
    refusals: ['not_found'],
    needs: 'token',
    changes: true,
    http: { method: 'DELETE', path: `${path}/owner`, tag },
  }),
} as const;
