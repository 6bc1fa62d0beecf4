// The numbers that stand for ids in the writer's rows, remembered because every receipt asks for three of them.

import type { Database } from 'bun:sqlite';
import { assert } from '@hongyan/base/assert';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';

/** A map that is full is emptied, and its numbers are looked up again: cheaper per receipt than to keep account of their use. */
const rememberedMax = 200_000;

export class Numbers {
  readonly #statements: ReturnType<typeof prepare>;
  /** Numbers of committed and of uncommitted rows: a rollback forgets them all. Keyed by ids as given, in any case. */
  readonly #conversations = new Map<string, number>();
  readonly #users = new Map<string, number>();
  readonly #devices = new Map<string, number>();

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** undefined = no such conversation. */
  ofConversation(conversationId: ConversationId): number | undefined {
    const cached = this.#conversations.get(conversationId);
    if (cached !== undefined) return cached;
    const row = this.#statements.conversation.get(conversationId);
    if (row) remember(this.#conversations, conversationId, row.no);
    return row?.no;
  }

  /** undefined = the id was never mentioned. */
  ofUser(userId: UserId): number | undefined {
    const cached = this.#users.get(userId);
    if (cached !== undefined) return cached;
    const row = this.#statements.user.get(userId);
    if (row) remember(this.#users, userId, row.no);
    return row?.no;
  }

  /** The user's number; an id not seen before gets one. */
  giveUser(userId: UserId): number {
    const existing = this.ofUser(userId);
    if (existing !== undefined) return existing;
    const row = this.#statements.newUser.get(userId);
    assert(row, 'a user id just looked for can be inserted');
    remember(this.#users, userId, row.no);
    return row.no;
  }

  /** The number that stands for the user's device in receipts; one not seen before gets one. */
  giveDevice({ userNo, deviceId }: { userNo: number; deviceId: DeviceId }): number {
    const key = `${userNo}|${deviceId}`;
    const cached = this.#devices.get(key);
    if (cached !== undefined) return cached;
    const row = this.#statements.device.get(userNo, deviceId) ?? this.#statements.newDevice.get(userNo, deviceId);
    assert(row, 'a device just looked for can be inserted');
    remember(this.#devices, key, row.no);
    return row.no;
  }

  /** Its number stands for another device from now on, or for none. */
  forgetDevice(userNo: number, deviceId: DeviceId): void {
    this.#devices.delete(`${userNo}|${deviceId}`);
  }

  /** undefined = the device has no receipts. */
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
