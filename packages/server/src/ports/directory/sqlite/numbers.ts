// The numbers of ids in the writer's rows. They are cached, because every receipt needs three of them.

import type { Database } from 'bun:sqlite';
import { assert } from '@hongyan/base/assert';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';

/** A full map is cleared, and its numbers are looked up again. This costs less per receipt than an LRU. */
const rememberedMax = 200_000;

export class Numbers {
  readonly #statements: ReturnType<typeof prepare>;
  /** The numbers of committed and uncommitted rows. A rollback clears all of them. Keyed by the requested ids, in any case. */
  readonly #conversations = new Map<string, number>();
  readonly #users = new Map<string, number>();
  readonly #devices = new Map<string, number>();

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** undefined when the conversation does not exist. */
  ofConversation(conversationId: ConversationId): number | undefined {
    const cached = this.#conversations.get(conversationId);
    if (cached !== undefined) return cached;
    const row = this.#statements.conversation.get(conversationId);
    if (row) remember(this.#conversations, conversationId, row.no);
    return row?.no;
  }

  /** undefined when the id is unknown. */
  ofUser(userId: UserId): number | undefined {
    const cached = this.#users.get(userId);
    if (cached !== undefined) return cached;
    const row = this.#statements.user.get(userId);
    if (row) remember(this.#users, userId, row.no);
    return row?.no;
  }

  /** The number of the user. A new id gets one. */
  giveUser(userId: UserId): number {
    const existing = this.ofUser(userId);
    if (existing !== undefined) return existing;
    const row = this.#statements.newUser.get(userId);
    assert(row, 'a user id that was not found can be inserted');
    remember(this.#users, userId, row.no);
    return row.no;
  }

  /** The number of the user's device in receipts. A new device gets one. */
  giveDevice({ userNo, deviceId }: { userNo: number; deviceId: DeviceId }): number {
    const key = `${userNo}|${deviceId}`;
    const cached = this.#devices.get(key);
    if (cached !== undefined) return cached;
    const row = this.#statements.device.get(userNo, deviceId) ?? this.#statements.newDevice.get(userNo, deviceId);
    assert(row, 'a device that was not found can be inserted');
    remember(this.#devices, key, row.no);
    return row.no;
  }

  /** Forgets the number of the device, which no longer belongs to it. */
  forgetDevice(userNo: number, deviceId: DeviceId): void {
    this.#devices.delete(`${userNo}|${deviceId}`);
  }

  /** undefined when the device has no receipts. */
  ofDevice(userNo: number, deviceId: DeviceId): number | undefined {
    return this.#devices.get(`${userNo}|${deviceId}`) ?? this.#statements.device.get(userNo, deviceId)?.no;
  }

  forgetAll(): void {
    this.#conversations.clear();
    this.#users.clear();
    this.#devices.clear();
  }
}

function remember(numbers: Map<string, number>, key: string, no: number): void {
  if (numbers.size >= rememberedMax) numbers.clear();
  numbers.set(key, no);
}

function prepare(db: Database) {
  return {
    conversation: db.prepare<{ no: number }, [string]>('SELECT no FROM conversation WHERE id = ?'),
    user: db.prepare<{ no: number }, [string]>('SELECT no FROM user WHERE id = ?'),
    newUser: db.prepare<{ no: number }, [string]>('INSERT INTO user(id) VALUES(?) RETURNING no'),
    device: db.prepare<{ no: number }, [number, string]>('SELECT no FROM device_number WHERE user_no = ? AND id = ?'),
    newDevice: db.prepare<{ no: number }, [number, string]>(
      'INSERT INTO device_number(user_no, id) VALUES(?, ?) RETURNING no',
    ),
  };
}
