// What the tests of devices build their cases from.

import type { DeviceId, DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { Registration } from '../../../domain/registration.ts';
import type { Devices } from '../devices.ts';
import { encodeBatch } from '../registration-batch.ts';

/** The store of the running test. */
export type Current = () => Devices;

export const user = (id: string) => id as UserId;
export const device = (id: string) => id as DeviceId;
export const token = (text: string) => text as DeviceToken;

export const registration = (text: string, more: Partial<Registration> = {}): Registration => ({
  deviceToken: token(text),
  model: 'P1',
  firmware: '1.0',
  registeredAtMs: 1_000,
  detailsJson: '',
  ...more,
});

export const register = (devices: Devices, ...all: readonly Registration[]) => devices.register([encodeBatch(all)]);

export const touch = (userId: string, deviceId: string, atMs: number, name = '') => ({
  userId: user(userId),
  deviceId: device(deviceId),
  name,
  atMs,
});
