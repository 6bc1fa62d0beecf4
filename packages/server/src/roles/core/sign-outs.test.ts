// Sign-outs: revocations, their publication to gateways, and the list of devices.

import { afterEach, expect, test } from 'bun:test';
import type { DeviceId } from '@hongyan/protocol/ids';
import type { Caller, DeviceCaller } from '../../ports/core/core.ts';
import { devicesListedMax } from '../../ports/devices/devices.ts';
import { type BusEvent, revocationsTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, caller, codeOf, openWorld, user, type World } from './testing/world.ts';

let world: World;
afterEach(() => world.close());

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 0, 15);
const bearer = (id: string, tokenId: string): Caller => ({
  userId: user(id),
  tokenId,
  issuedAtMs: startMs,
  expiresAtMs: startMs + hourMs,
  address: '127.0.0.1',
});
const onDevice = (id: string, device: string, tokenId: string): DeviceCaller => ({
  ...caller(id, device),
  ...bearer(id, tokenId),
});
const open = async (by: DeviceCaller) =>
  accepted(await world.core.openSession({ caller: by, clientName: `app on ${by.deviceId}`, node: 'n1' }));
const all = async () => accepted(await world.core.revocations({ limit: 100 })).revocations;

async function listen(): Promise<BusEvent[]> {
  const events: BusEvent[] = [];
  await world.bus.attach({ onEvent: (event) => events.push(event), onLoss: () => {} }).subscribe([revocationsTopic]);
  return events;
}

test('[A10] logout revokes the token of the request, and notifies every gateway', async () => {
  world = await openWorld();
  await world.people('ann');
  const events = await listen();
  accepted(await world.core.logout(bearer('ann', 't1'), {}));
  const [revocation] = await all();
  expect(revocation).toMatchObject({ type: 'token', tokenId: 't1', userId: 'ann' });
  expect(revocation?.untilMs).toBeGreaterThan(startMs + hourMs);
  expect(events).toMatchObject([{ type: 'revoked', revocations: [{ tokenId: 't1' }] }]);
});

test('[A11] logout-all revokes all earlier tokens, and a later login is valid, even if the clock was set back', async () => {
  const issued: number[] = [];
  world = await openWorld({
    given: (deps) => ({
      ...deps,
      tokens: {
        sign: async (_userId, { issuedFromMs = 0 } = {}) => {
          const issuedAtMs = Math.max(deps.clock.nowMs(), issuedFromMs);
          issued.push(issuedAtMs);
          return { accessToken: 'x', expiresInS: 1, issuedAtMs };
        },
      },
    }),
  });
  const input = { user_id: user('ann'), password: 'correct horse battery' };
  accepted(await world.core.signup({ address: '::1' }, input));
  accepted(await world.core.logoutAll(bearer('ann', 't1'), {}));
  world.pass(-hourMs);
  accepted(await world.core.login({ address: '::1' }, input));
  const issuedBeforeMs = await world.access.issuedBefore(user('ann'));
  expect(issued.map((issuedAtMs) => issuedAtMs < issuedBeforeMs)).toEqual([true, false]);
  // Now the login is in the future.
  accepted(await world.core.logoutAll({ ...bearer('ann', 't1'), issuedAtMs: startMs - 1 }, {}));
  accepted(await world.core.login({ address: '::1' }, input));
  const againBeforeMs = await world.access.issuedBefore(user('ann'));
  expect(issued.map((issuedAtMs) => issuedAtMs < againBeforeMs)).toEqual([true, true, false]);
});

test('[A14] a device is signed out with every token it has used, and other devices keep theirs', async () => {
  world = await openWorld();
  await world.people('ann', 'bob');
  for (const by of [onDevice('ann', 'phone', 't1'), onDevice('ann', 'phone', 't2'), onDevice('ann', 'pc', 't3')])
    await open(by);
  await open(onDevice('bob', 'phone', 't4'));
  accepted(await world.core.revokeOwnDevice(bearer('ann', 't3'), { device_id: 'phone' as DeviceId }));
  expect((await all()).map((each) => each.type === 'token' && each.tokenId).toSorted()).toEqual(['t1', 't2']);
  const ofAnn = await world.access.signedIn({ userId: user('ann'), nowMs: startMs });
  expect(ofAnn as readonly string[]).toEqual(['pc']);
  const again = await world.core.revokeOwnDevice(bearer('ann', 't3'), { device_id: 'phone' as DeviceId });
  expect(codeOf(again)).toBe('not_found');
  const unknown = await world.core.revokeOwnDevice(bearer('ann', 't3'), { device_id: 'tv' as DeviceId });
  expect(codeOf(unknown)).toBe('not_found');
});

test('[A14] devices of the user are listed newest first, with their presence and the calling one', async () => {
  world = await openWorld();
  await world.people('ann', 'bob');
  await open(onDevice('ann', 'pc', 't1'));
  world.pass(1_000);
  await open(onDevice('ann', 'phone', 't2'));
  await open(onDevice('bob', 'tablet', 't3'));
  await open(onDevice('ann', 'lost', 't4'));
  accepted(await world.core.logout(bearer('ann', 't4'), {}));
  await world.core.closeSession({ caller: onDevice('ann', 'pc', 't1'), node: 'n1' });
  world.pass(1_000);
  const { devices } = accepted(await world.core.listOwnDevices(bearer('ann', 't1'), {}));
  expect(devices.toSorted((a, b) => a.device_id.localeCompare(b.device_id))).toMatchObject([
    { device_id: 'pc', name: 'app on pc', online: false, current: true },
    { device_id: 'phone', name: 'app on phone', online: true, current: false },
  ]);
});

test('[A14] devices that are signed in are listed, however many were signed out after them', async () => {
  world = await openWorld();
  await world.people('ann');
  await open(onDevice('ann', 'kept', 't1'));
  for (let index = 0; index < devicesListedMax; index++) {
    world.pass(1);
    await open(onDevice('ann', `gone-${index}`, `old ${index}`));
    accepted(await world.core.logout(bearer('ann', `old ${index}`), {}));
  }
  const { devices } = accepted(await world.core.listOwnDevices(bearer('ann', 't1'), {}));
  expect(devices.map(({ device_id }) => String(device_id))).toEqual(['kept']);
});
