// Registrations and owners of devices through the core: permissions, refusals and results.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { DeviceId, DeviceToken } from '@hongyan/protocol/ids';
import { until } from '@hongyan/testing/until';
import { signed } from '../../ports/core/testing/signed.ts';
import { accepted, caller, codeOf, openWorld, type World } from './testing/world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const nowMs = Date.UTC(2026, 0, 15);
const token = (text: string) => text as DeviceToken;
const device = (text: string, more: object = {}) => ({
  device_token: token(text),
  model: 'P1',
  firmware: '1.0',
  ...more,
});
const isStored = (text: string, firmware = '1.0') =>
  until(async () => (await world.devices.get(token(text)))?.firmware === firmware);

test('[T10] a registration needs a recent signature over its body by a key with the scope', async () => {
  const input = device('device-a');
  const right = signed(input);
  const outcome = async (change: Partial<typeof right>) =>
    codeOf(await world.core.registerDevice({ ...signed(input), ...change }, input));
  expect(await outcome({ body: JSON.stringify(device('device-b')) })).toBe('unauthorized');
  expect(await outcome({ signedAtMs: nowMs + 1 })).toBe('unauthorized');
  expect(await outcome({ keyId: 'nobody' })).toBe('unauthorized');
  expect(await outcome({ signature: '' })).toBe('unauthorized');
  expect(await outcome({ signature: right.signature.slice(2) })).toBe('unauthorized');
  const late = signed(input, { signedAtMs: nowMs - 60_001 });
  expect(codeOf(await world.core.registerDevice(late, input))).toBe('unauthorized');
  const foreign = signed(input, { keyId: 'mailer' });
  expect(codeOf(await world.core.registerDevice(foreign, input))).toBe('forbidden');
  expect(await world.devices.total()).toBe(0);
});

test('[T10] a signature is used once', async () => {
  const input = device('device-a');
  expect(codeOf(await world.core.registerDevice(signed(input), input))).toBe('ok');
  const again = await world.core.registerDevice(signed(input), input);
  expect(again).toMatchObject({ type: 'refused', code: 'unauthorized' });
  const batch = { devices: [input] };
  expect(codeOf(await world.core.registerDevices(signed(batch), batch))).toBe('ok');
  expect(codeOf(await world.core.registerDevices(signed(batch), batch))).toBe('unauthorized');
});

test('[T11] each device of a batch is checked separately: valid ones are accepted, others reported by index and reason', async () => {
  const batch = {
    devices: [
      device('device-a'),
      device('no'),
      null,
      device('device-b', { locale: 5 }),
      device('device-c', { registered_at: nowMs + 61_000 }),
      { device_token: 'device-d' },
      device('device-e', { locale: 'de', unknown: true }),
    ],
  };
  const { accepted: count, refused } = accepted(await world.core.registerDevices(signed(batch), batch));
  expect(count).toBe(2);
  expect(refused.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5]);
  expect(refused[0]?.reason).toContain('device_token');
  expect(refused[2]?.reason).toContain('locale');
  expect(refused[3]?.reason).toContain('future');
  await isStored('device-a');
  await isStored('device-e');
  expect(await world.devices.total()).toBe(2);
});

test('[T11] text that is not valid Unicode is refused in every field: stores would change it', async () => {
  for (const field of ['model', 'firmware', 'platform', 'app_version', 'locale', 'timezone']) {
    const input = device('device-a', { [field]: 'half \ud83d' });
    const refused = await world.core.registerDevice(signed(input), input);
    expect(refused).toMatchObject({ type: 'refused', code: 'bad_request' });
    expect(refused).toHaveProperty('message', expect.stringContaining(`${field} is not valid Unicode`));
    const batch = { devices: [device('device-b', { [field]: '\udc00' }), device('device-c', { [field]: '😀' })] };
    const answer = accepted(await world.core.registerDevices(signed(batch), batch));
    expect(answer).toMatchObject({ accepted: 1, refused: [{ index: 0 }] });
    expect(answer.refused[0]?.reason).toContain(`${field} is not valid Unicode`);
  }
  await isStored('device-c');
  expect(await world.devices.total()).toBe(1);
});

test('[T12] a registration without a time has that of the signature', async () => {
  const at = async (signedAtMs: number, firmware: string) => {
    const input = device('device-a', { firmware });
    accepted(await world.core.registerDevice(signed(input, { signedAtMs }), input));
  };
  await at(nowMs, '2.0');
  await isStored('device-a', '2.0');
  await at(nowMs - 1_000, '1.0');
  await at(nowMs + 1_000, '3.0');
  await isStored('device-a', '3.0');
  expect(await world.devices.total()).toBe(1);
});

test('[T14] [T15] a user binds a device, is the only one to read it, and unbinds it; the id of a session links it to that session', async () => {
  const input = device('device-a', { locale: 'de' });
  accepted(await world.core.registerDevice(signed(input), input));
  await isStored('device-a');
  const key = { device_token: token('device-a') };
  const ann = caller('ann');
  expect(codeOf(await world.core.getDevice(ann, key))).toBe('not_found');
  expect(codeOf(await world.core.unbindDevice(ann, key))).toBe('not_found');
  accepted(await world.core.openSession({ caller: ann, clientName: 'Chrome', node: 'n' }));
  accepted(await world.core.bindDevice(ann, { ...key, device_id: 'phone' as DeviceId }));
  expect(codeOf(await world.core.bindDevice(caller('bob'), key))).toBe('conflict');
  expect(codeOf(await world.core.getDevice(caller('bob'), key))).toBe('not_found');
  const view = accepted(await world.core.getDevice(ann, key));
  expect(view).toMatchObject({ ...input, user_id: 'ann', device_id: 'phone', registered_at: nowMs, last_seen: nowMs });
  accepted(await world.core.unbindDevice(ann, key));
  accepted(await world.core.bindDevice(caller('bob'), key));
});
