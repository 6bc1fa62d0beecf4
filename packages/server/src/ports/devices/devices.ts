// The devices port: installed clients, identified by their registration token, by a session of a user, or by both.

import type { DeviceId, DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { Registration } from '../../domain/registration.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { RegistrationBatch } from './registration-batch.ts';

/** A device as its user sees it. */
export interface DeviceRecord {
  readonly deviceId: DeviceId;
  /** The label that the client gave, such as "Chrome on Windows". May be empty. */
  readonly name: string;
  readonly lastSeenMs: number;
}

export interface RegisteredDevice extends Registration {
  /** Present when a user has bound the device. */
  readonly userId?: UserId;
  /** The id that the user's sessions use. */
  readonly deviceId?: DeviceId;
  readonly lastSeenMs?: number;
}

export interface DeviceKey {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

export interface DeviceTouch extends DeviceKey {
  /** An empty name does not replace the stored one. */
  readonly name: string;
  readonly atMs: number;
}

export interface ModelCount {
  readonly model: string;
  readonly firmware: string;
  readonly count: number;
}

/** The end of a page of registered devices. Opaque to callers. */
export type DeviceCursor = number;

export interface DevicePage {
  readonly devices: readonly RegisteredDevice[];
  /** Absent on the last page. Other pages MAY be short or empty too. */
  readonly next?: DeviceCursor;
}

/** `ofUsers` returns at most this many devices per user. */
export const devicesListedMax = 100;

export interface DeviceReader {
  /** Newest first, at most `devicesListedMax` per user. Keyed by the requested ids. Users without devices are absent. */
  ofUsers(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly DeviceRecord[]>>;
  /** Newest first. Devices that are unknown or not the user's are left out. */
  ofUser(request: {
    readonly userId: UserId;
    readonly deviceIds: readonly DeviceId[];
  }): Promise<readonly DeviceRecord[]>;
  /** When a device of each user was last seen, Unix ms. Keyed by the requested ids. Users who were never seen are absent. */
  lastSeen(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, number>>;
  /** undefined when the device does not exist. */
  get(deviceToken: DeviceToken): Promise<RegisteredDevice | undefined>;
  /**
   * In the order in which the devices were first stored. Later pages MUST NOT cost more than the first. The filters MUST compare
   * exactly.
   */
  list(request: {
    readonly after?: DeviceCursor;
    readonly limit: number;
    readonly model?: string;
    readonly firmware?: string;
  }): Promise<DevicePage>;
  /** Per model and firmware, the largest counts first. The cost MUST NOT depend on the number of devices. */
  counts(request: { readonly model?: string; readonly limit: number }): Promise<readonly ModelCount[]>;
  /** The number of registered devices. */
  total(): Promise<number>;
  close(): Promise<void>;
}

/**
 * A registered device and the device of a session become one record when its user binds it.
 *
 * Durability: a resolved write MUST survive kill -9 and a loss of power; a touch only kill -9.
 *
 * Comparison: user ids MUST be compared without regard to the case of ASCII letters, device ids and tokens with regard to it.
 *
 * Failure: failures of the environment reject with StoreFailure. Callers retry.
 */
export interface Devices extends DeviceReader {
  /**
   * Stores one record per token. A registration replaces an older one only [T12], so calls are idempotent and commutative. A rejected
   * call may have stored a part. Resolves with the number of records that were created or changed. Other writes MUST NOT wait
   * until a large call has finished.
   */
  register(batches: readonly RegistrationBatch[]): Promise<{ readonly storedCount: number }>;
  /** Assigns the device to the user, under `deviceId` if given. `taken`: another user has bound it. */
  bind(request: {
    readonly deviceToken: DeviceToken;
    readonly userId: UserId;
    readonly deviceId?: DeviceId;
  }): Promise<'bound' | 'no_device' | 'taken'>;
  /** false when the device is not bound to the user. The device of the user's sessions stays. */
  unbind(request: { readonly deviceToken: DeviceToken; readonly userId: UserId }): Promise<boolean>;
  /** Records that a session of the device was seen. A time older than the stored one does not change it. */
  touch(touch: DeviceTouch): Promise<void>;
  /** Devices whose sessions were last seen before `atMs`, oldest first. */
  notSeenSince(request: { readonly atMs: number; readonly limit: number }): Promise<readonly DeviceKey[]>;
  /**
   * Removes devices from their users' sessions unless they were seen since `notSeenSinceMs`. Registered devices stay registered. Returns
   * the number of removed devices. MUST store an outbox event for them in the same transaction (device-events.ts).
   */
  forget(request: { readonly keys: readonly DeviceKey[]; readonly notSeenSinceMs: number }): Promise<number>;
  /** For services that store data of devices. */
  readonly outbox: Outbox;
}
