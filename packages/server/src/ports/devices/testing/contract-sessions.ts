// The contract of devices as sessions know them.

import { expect, test } from 'bun:test';
import { decodeForgotten, forgottenKind } from '../device-events.ts';
import { devicesListedMax } from '../devices.ts';
import { type Current, device, register, registration, token, touch, user } from './builders.ts';

export function sessionDevicesContract(current: Current): void {
  test('a device is listed once, with the latest time it was seen, whatever the order of the reports', async () => {
    for (const atMs of [5, 9, 7]) await current().touch(touch('ann', 'phone', atMs));
    await current().touch(touch('bob', 'phone', 1));
    const devices = await current().ofUsers([user('ann'), user('nobody'), user('bob')]);
    expect([...devices.keys()]).toEqual([user('ann'), user('bob')]);
    expect(devices.get(user('ann'))).toEqual([{ deviceId: device('phone'), name: '', lastSeenMs: 9 }]);
  });

  test('a device keeps its name until it reports another one that is not empty', async () => {
    const name = async () => (await current().ofUsers([user('ann')])).get(user('ann'))?.[0]?.name;
    await current().touch(touch('ann', 'phone', 1, 'Chrome on Windows'));
    await current().touch(touch('ann', 'phone', 2));
    expect(await name()).toBe('Chrome on Windows');
    await current().touch(touch('ann', 'phone', 3, '鸿雁 for Android'));
    expect(await name()).toBe('鸿雁 for Android');
  });

  test('devices are listed newest first, up to the bound', async () => {
    const touches = Array.from({ length: devicesListedMax + 5 }, (_, index) =>
      touch('ann', `d${index}`, 1_000 + index),
    );
    await Promise.all(touches.map((one) => current().touch(one)));
    const devices = (await current().ofUsers([user('ann')])).get(user('ann')) ?? [];
    expect(devices).toHaveLength(devicesListedMax);
    expect(devices[0]).toMatchObject({ deviceId: device(`d${devicesListedMax + 4}`) });
    expect(devices.at(-1)).toMatchObject({ deviceId: device('d5') });
  });

  test('devices requested by id are listed newest first, any number of them, without unknown ones', async () => {
    const ids = Array.from({ length: devicesListedMax + 5 }, (_, index) => `d${index}`);
    await Promise.all(ids.map((id, index) => current().touch(touch('ann', id, 1_000 + index))));
    await current().touch(touch('bob', 'other', 5));
    const deviceIds = ['d3', 'unknown', 'D4', 'other', 'd104', 'd0'].map(device);
    const found = await current().ofUser({ userId: user('Ann'), deviceIds });
    expect(found).toEqual([
      { deviceId: device('d104'), name: '', lastSeenMs: 1_104 },
      { deviceId: device('d3'), name: '', lastSeenMs: 1_003 },
      { deviceId: device('d0'), name: '', lastSeenMs: 1_000 },
    ]);
    expect(await current().ofUser({ userId: user('ann'), deviceIds: ids.map(device) })).toHaveLength(ids.length);
    expect(await current().ofUser({ userId: user('ann'), deviceIds: [] })).toEqual([]);
  });

  test('a user was last seen when the newest device was; a user without devices is absent', async () => {
    await current().touch(touch('Ann', 'phone', 5));
    await current().touch(touch('ann', 'laptop', 9));
    await current().touch(touch('bob', 'phone', 3));
    const times = await current().lastSeen([user('ann'), user('bob'), user('nobody')]);
    expect([...times]).toEqual([
      [user('ann'), 9],
      [user('bob'), 3],
    ]);
  });

  test('devices not seen since are forgotten, oldest first; one seen meanwhile and one registered stay', async () => {
    for (const [id, atMs] of [
      ['old', 1],
      ['older', 0],
      ['registered', 2],
      ['new', 50],
    ] as const)
      await current().touch(touch('ann', id, atMs));
    await register(current(), registration('token-a'));
    await current().bind({ deviceToken: token('token-a'), userId: user('ann'), deviceId: device('registered') });
    const keys = await current().notSeenSince({ atMs: 50, limit: 10 });
    expect(keys.map(({ deviceId }) => String(deviceId))).toEqual(['older', 'old', 'registered']);
    expect(await current().notSeenSince({ atMs: 50, limit: 1 })).toHaveLength(1);
    await current().touch(touch('ann', 'old', 60));
    expect(await current().forget({ keys, notSeenSinceMs: 50 })).toBe(2);
    expect(await current().forget({ keys, notSeenSinceMs: 50 })).toBe(0);
    const left = (await current().ofUsers([user('ann')])).get(user('ann')) ?? [];
    expect(left.map(({ deviceId }) => String(deviceId))).toEqual(['old', 'new']);
    const registered = await current().get(token('token-a'));
    expect(registered).toMatchObject({ userId: user('ann') });
    expect(registered?.deviceId).toBeUndefined();
  });

  test('[T16] the outbox has the forgotten devices, and nothing else, until they are delivered', async () => {
    for (const [id, atMs] of [
      ['old', 1],
      ['new', 50],
    ] as const)
      await current().touch(touch('ann', id, atMs));
    const [old, recent] = ['old', 'new'].map((id) => ({ userId: user('ann'), deviceId: device(id) }));
    const keys = [old, recent].filter((key) => key !== undefined);
    await current().forget({ keys, notSeenSinceMs: 50 });
    await current().forget({ keys, notSeenSinceMs: 50 });
    const events = await current().outbox.pending(10);
    expect(events.map(({ kind, payload }) => ({ kind, keys: decodeForgotten(payload) }))).toEqual([
      { kind: forgottenKind, keys: old ? [old] : [] },
    ]);
    const nos = events.map(({ no }) => no);
    await current().outbox.delivered(nos);
    await current().outbox.delivered(nos);
    expect(await current().outbox.pending(10)).toEqual([]);
    await current().touch(touch('ann', 'old', 2));
    await current().forget({ keys, notSeenSinceMs: 50 });
    const [again] = await current().outbox.pending(10);
    expect(nos).not.toContain(again?.no);
  });
}
