// The contract of owners: a registered device and the device of a session become one.

import { expect, test } from 'bun:test';
import { type Current, device, register, registration, token, touch, user } from './builders.ts';

export function ownersContract(current: Current): void {
  const ids = async (userId = 'ann') =>
    ((await current().ofUsers([user(userId)])).get(user(userId)) ?? []).map(({ deviceId }) => String(deviceId));
  const bind = (text: string, userId: string, deviceId?: string) =>
    current().bind({
      deviceToken: token(text),
      userId: user(userId),
      ...(deviceId === undefined ? {} : { deviceId: device(deviceId) }),
    });

  test('[T14] a device belongs to the first user who binds it, until that user lets it go', async () => {
    await register(current(), registration('token-a'));
    expect(await bind('token-none', 'ann')).toBe('no_device');
    expect(await bind('token-a', 'ann')).toBe('bound');
    expect(await bind('token-a', 'ANN')).toBe('bound');
    expect(await bind('token-a', 'bob')).toBe('taken');
    expect(await current().unbind({ deviceToken: token('token-a'), userId: user('bob') })).toBe(false);
    expect(await current().unbind({ deviceToken: token('token-a'), userId: user('Ann') })).toBe(true);
    expect(await current().unbind({ deviceToken: token('token-a'), userId: user('ann') })).toBe(false);
    expect((await current().get(token('token-a')))?.userId).toBeUndefined();
    expect(await bind('token-a', 'bob')).toBe('bound');
    expect((await current().get(token('token-a')))?.userId).toBe(user('bob'));
  });

  test('[T15] a device bound under the id of its sessions is one record with their data, and is listed once', async () => {
    await current().touch(touch('ann', 'phone', 7, 'Chrome'));
    await register(current(), registration('token-a'));
    expect(await bind('token-a', 'ann', 'phone')).toBe('bound');
    expect(await current().get(token('token-a'))).toMatchObject({
      userId: user('ann'),
      deviceId: device('phone'),
      lastSeenMs: 7,
    });
    expect(await ids()).toEqual(['phone']);
    await current().touch(touch('Ann', 'phone', 9));
    expect(await current().get(token('token-a'))).toMatchObject({ lastSeenMs: 9 });
    expect((await current().ofUsers([user('ann')])).get(user('ann'))).toEqual([
      { deviceId: device('phone'), name: 'Chrome', lastSeenMs: 9 },
    ]);
    await register(current(), registration('token-a', { registeredAtMs: 2_000, firmware: '2.0' }));
    expect(await current().get(token('token-a'))).toMatchObject({
      firmware: '2.0',
      userId: user('ann'),
      lastSeenMs: 9,
    });
    expect(await current().total()).toBe(1);
  });

  test('[T15] a device that is unbound, or bound under another id, leaves its sessions as a separate device', async () => {
    await current().touch(touch('ann', 'phone', 7, 'Chrome'));
    await register(current(), registration('token-a'));
    await bind('token-a', 'ann', 'phone');
    await bind('token-a', 'ann', 'tablet');
    expect((await ids()).sort()).toEqual(['phone', 'tablet']);
    expect(await current().get(token('token-a'))).toMatchObject({ deviceId: device('tablet') });
    await current().touch(touch('ann', 'tablet', 9));
    await current().unbind({ deviceToken: token('token-a'), userId: user('ann') });
    expect(await ids()).toEqual(['tablet', 'phone']);
    expect((await current().get(token('token-a')))?.deviceId).toBeUndefined();
  });

  test('[T15] an installed client that is registered again with another token stays one device', async () => {
    await current().touch(touch('ann', 'phone', 7, 'Chrome'));
    await register(current(), registration('token-a'), registration('token-b'));
    await bind('token-a', 'ann', 'phone');
    expect(await bind('token-b', 'ann', 'phone')).toBe('bound');
    expect(await ids()).toEqual(['phone']);
    expect(await current().get(token('token-b'))).toMatchObject({ deviceId: device('phone'), lastSeenMs: 7 });
    expect((await current().get(token('token-a')))?.deviceId).toBeUndefined();
  });
}
