// The devices port: installed clients, known by the token they were registered with, by the sessions of a user, or by both.

import type { DeviceId, DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { Registration } from '../../domain/registration.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { RegistrationBatch } from './registration-batch.ts';

/** A device as one of its user. */
export interface DeviceRecord {
  readonly deviceId: DeviceId;
  /** The client's own label, such as "Chrome on Windows"; empty when the client gave none. */
  readonly name: string;
  readonly lastSeenMs: number;
}

export interface RegisteredDevice extends Registration {
  /** Whose it is. */
  readonly userId?: UserId;
  /** As its user's sessions call it. */
  readonly deviceId?: DeviceId;
  readonly lastSeenMs?: number;
}

export interface DeviceKey {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

export interface DeviceTouch extends DeviceKey {
  /** Empty keeps the stored name. */
  readonly name: string;
  readonly atMs: number;
}

export interface ModelCount {
  readonly model: string;
  readonly firmware: string;
  readonly count: number;
}

/** Where a page of registered devices ended; opaque to everyone else. */
export type DeviceCursor = number;

export interface DevicePage {
  readonly devices: readonly RegisteredDevice[];
  /** Absent on the last page. A page MAY be short, or empty, and not be the last one. */
  readonly next?: DeviceCursor;
}

/** `ofUsers` lists this many of a user. */
export const devicesListedMax = 100;

export interface DeviceReader {
  /** Newest first, `devicesListedMax` of a user at most. Keyed by the ids as given; a user without devices is absent. */
  ofUsers(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly DeviceRecord[]>>;
  /** Newest first, those of the user alone; one that is not known is left out. */
  ofUser(request: {
    readonly userId: UserId;
    readonly deviceIds: readonly DeviceId[];
  }): Promise<readonly DeviceRecord[]>;
  /** Unix ms of the newest device of each user. Keyed by the ids as given; a user never seen is absent. */
  lastSeen(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, number>>;
  /** undefined = no such device. */
  get(deviceToken: DeviceToken): Promise<RegisteredDevice | undefined>;
  /** In the order in which they were first stored. MUST cost no more on a later page than on the first. MUST compare texts exactly. */
  list(request: {
    readonly after?: DeviceCursor;
    readonly limit: number;
    readonly model?: string;
    readonly firmware?: string;
  }): Promise<DevicePage>;
  /** By model and firmware, most first. MUST NOT cost more with more devices. */
  counts(request: { readonly model?: string; readonly limit: number }): Promise<readonly ModelCount[]>;
  /** Registered devices in all. */
  total(): Promise<number>;
  close(): Promise<void>;
}

/**
 * One noun: a device that was registered and the device of a session are one record once its user has bound it.
 * MUST compare user ids without regard to the case of ASCII letters, and device ids and tokens with it.
 * A resolved write survives kill -9 and loss of power; a touch kill -9 alone.
 * Rejects with StoreFailure for what the environment does.
 */
export interface Devices extends DeviceReader {
  /**
   * Stores what is newer than what is there [T12], one record for each token, whatever the order of the calls and however often
   * one is repeated. A rejected call may have stored a part. Resolves with how many changed a record or made one. Other writes
   * MUST NOT wait for a large call as a whole.
   */
  register(batches: readonly RegistrationBatch[]): Promise<{ readonly storedCount: number }>;
  /** Makes the device one of the user's, under `deviceId` if given. `taken`: it is another user's. */
  bind(request: {
    readonly deviceToken: DeviceToken;
    readonly userId: UserId;
    readonly deviceId?: DeviceId;
  }): Promise<'bound' | 'no_device' | 'taken'>;
  /** Of the user's own; false when it is not. What the user's sessions know of it stays. */
  unbind(request: { readonly deviceToken: DeviceToken; readonly userId: UserId }): Promise<boolean>;
  /** Records when a device was seen in a session; an older time than the stored one changes no time. */
  touch(touch: DeviceTouch): Promise<void>;
  /** Devices last seen in a session before that, oldest first. */
  notSeenSince(request: { readonly atMs: number; readonly limit: number }): Promise<readonly DeviceKey[]>;
  /**
   * Forgets that these were seen, if they were not seen since; a registered one stays registered. Returns how many. MUST note those in
   * the outbox, in the transaction that forgets them (device-events.ts).
   */
  forget(request: { readonly keys: readonly DeviceKey[]; readonly notSeenSinceMs: number }): Promise<number>;
  /** For the services that keep something of devices. */
  readonly outbox: Outbox;
}
