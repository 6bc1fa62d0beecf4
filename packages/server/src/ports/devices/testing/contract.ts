// The contract of the device store. Each adapter's test file runs it.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { deviceDetails } from '@hongyan/protocol/operations/devices';
import { rejectionOf } from '@hongyan/testing/rejection';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import type { Registration } from '../../../domain/registration.ts';
import type { Devices } from '../devices.ts';
import { encodeBatch } from '../registration-batch.ts';
import { type Current, register, registration, token, user } from './builders.ts';
import { ownersContract } from './contract-owners.ts';
import { sessionDevicesContract } from './contract-sessions.ts';

export interface DevicesUnderTest {
  readonly devices: Devices;
  /** Closes it and opens the same data again. */
  reopen(): Promise<Devices>;
  remove(): Promise<void>;
}

export function devicesContract(name: string, make: () => Promise<DevicesUnderTest>): void {
  describe(name, () => {
    let made: DevicesUnderTest;
    let devices: Devices;
    beforeEach(async () => {
      made = await make();
      devices = made.devices;
    });
    afterEach(() => made.remove());
    const current = () => devices;

    describe('registrations', () => registrationsContract(current));
    describe('owners', () => ownersContract(current));
    describe('of sessions', () => sessionDevicesContract(current));

    test('[T11] all devices survive a reopen', async () => {
      await register(devices, registration('token-a'), registration('token-b', { detailsJson: '{"locale":"de"}' }));
      await devices.bind({ deviceToken: token('token-a'), userId: user('ann') });
      const all = async () => [await devices.list({ limit: 10 }), await devices.counts({ limit: 10 })];
      const before = await all();
      devices = await made.reopen();
      expect(await all()).toEqual(before);
      expect((await register(devices, registration('token-a'))).storedCount).toBe(0);
    });

    test('[T11] [T13] models and firmwares that differ in a space, in case or in Unicode composition are different', async () => {
      const all = alike.map(([model, firmware], index) =>
        registration(`token-${index}`, { model, firmware, detailsJson: longDetails }),
      );
      await register(devices, ...all);
      // Kinds that are read back are known by the same names as those that were just made.
      devices = await made.reopen();
      const more = all.map((each, index) => ({ ...each, deviceToken: token(`later-${index}`) }));
      await register(devices, ...more);
      const both = [...all, ...more];
      for (const one of both) expect(await devices.get(one.deviceToken)).toEqual(one);
      const listed = async (filter: { readonly model?: string; readonly firmware?: string }) =>
        (await devices.list({ limit: 100, ...filter })).devices.map(({ deviceToken }) => String(deviceToken)).sort();
      const expected = (isWanted: (one: Registration) => boolean) =>
        both.flatMap((one) => (isWanted(one) ? [String(one.deviceToken)] : [])).sort();
      for (const { model, firmware } of all) {
        expect(await listed({ model })).toEqual(expected((one) => one.model === model));
        expect(await listed({ firmware })).toEqual(expected((one) => one.firmware === firmware));
        expect(await listed({ model, firmware })).toHaveLength(2);
        for (const count of await devices.counts({ model, limit: 100 }))
          expect(count).toMatchObject({ model, count: 2 });
      }
      expect(await devices.counts({ limit: 100 })).toHaveLength(all.length);
    });

    test('a call after close rejects as unavailable', async () => {
      await devices.close();
      await devices.close();
      expect(await rejectionOf(register(devices, registration('token-a')))).toHaveProperty('code', 'unavailable');
      expect(await rejectionOf(devices.total())).toHaveProperty('code', 'unavailable');
    });
  });
}

/** As long as they come. */
const longDetails = JSON.stringify(Object.fromEntries(deviceDetails.map((name) => [name, '\u0001'.repeat(64)])));
/** Models with their firmware: what a collation, a trimmed column or a separator could take for one. */
const alike: readonly (readonly [model: string, firmware: string])[] = [
  ['a\nb', 'c'],
  ['a', 'b\nc'],
  ['a","b', 'c'],
  ['a', 'b","c'],
  ['P1', '1'],
  ['P1 ', '1'],
  ['P1', '1 '],
  ['P1\0', '1'],
  ['P1\t', '1'],
  ['p1', '1'],
  ['Ｐ1', '1'],
  ['é', '1'],
  ['e\u0301', '1'],
  ['ß', '1'],
  ['ss', '1'],
  ['😀', '1'],
  ['😁', '1'],
  ['😀'.repeat(128), '😀'.repeat(64)],
];

function registrationsContract(current: Current): void {
  const all = async () => (await current().list({ limit: 100_000 })).devices;

  test('[T11] a device is registered once, however often and in however many calls', async () => {
    const one = registration('token-a', { detailsJson: '{"locale":"de"}' });
    expect(await register(current(), one, one)).toEqual({ storedCount: 1 });
    expect(await register(current(), one)).toEqual({ storedCount: 0 });
    expect(await current().get(one.deviceToken)).toEqual(one);
    expect(await current().get(token('token-b'))).toBeUndefined();
    expect(await current().total()).toBe(1);
    expect(await current().register([])).toEqual({ storedCount: 0 });
  });

  test('[T12] the newest registration stays, whatever the order of arrival; of two at one time always the same one', async () => {
    const versions = [
      registration('token-a', { registeredAtMs: 5, firmware: '3' }),
      registration('token-a', { registeredAtMs: 9, firmware: '1' }),
      registration('token-a', { registeredAtMs: 9, firmware: '2' }),
      registration('token-a', { registeredAtMs: 9, firmware: '2', detailsJson: '{"locale":"de"}' }),
    ];
    const random = createRandom(testSeed('devices'));
    for (let round = 0; round < 20; round++) {
      const order = versions
        .map((version) => ({ ...version, deviceToken: token(`token-${round}`) }))
        .map((version) => ({ version, at: random() }))
        .sort((a, b) => a.at - b.at);
      for (const { version } of order) {
        const twice = random() < 0.5 ? [version] : [version, version];
        await register(current(), ...twice);
      }
      expect(await current().get(token(`token-${round}`))).toMatchObject(
        versions[3] ? { firmware: '2', detailsJson: versions[3].detailsJson } : {},
      );
    }
    expect(await current().total()).toBe(20);
    expect(await current().counts({ limit: 10 })).toEqual([{ model: 'P1', firmware: '2', count: 20 }]);
  });

  test('[T12] of two at one time the same one stays also where model and firmware are alike once they are joined', async () => {
    const versions = [
      registration('token-a', { model: 'a\nb', firmware: 'c' }),
      registration('token-a', { model: 'a', firmware: 'b\nc' }),
    ];
    await register(current(), ...versions);
    const forwards = await current().get(token('token-a'));
    const again = versions.map((each) => ({ ...each, deviceToken: token('token-b') })).reverse();
    for (const one of again) await register(current(), one);
    expect(await current().get(token('token-b'))).toMatchObject({
      model: forwards?.model,
      firmware: forwards?.firmware,
    });
  });

  test('[T11] large calls at the same time store each token once, and counts and pages agree', async () => {
    const random = createRandom(testSeed('devices'));
    const tokens = Array.from({ length: 9_000 }, (_, index) => `token-${index}`);
    const batchOf = (from: number, to: number) =>
      encodeBatch(
        tokens
          .slice(from, to)
          .map((text, index) =>
            registration(text, { model: `M${Math.floor(random() * 5)}`, registeredAtMs: 1_000 + index }),
          ),
      );
    await Promise.all([
      current().register([batchOf(0, 5_000), batchOf(2_000, 7_000)]),
      current().register([batchOf(4_000, 9_000)]),
      current().touch({ userId: user('ann'), deviceId: 'phone' as never, name: '', atMs: 1 }),
    ]);
    const found = await all();
    expect(new Set(found.map(({ deviceToken }) => deviceToken)).size).toBe(9_000);
    expect(found).toHaveLength(9_000);
    const counts = await current().counts({ limit: 100 });
    for (const { model, firmware, count } of counts)
      expect(found.filter((each) => each.model === model && each.firmware === firmware)).toHaveLength(count);
    expect(counts.map(({ count }) => count)).toEqual(counts.map(({ count }) => count).toSorted((a, b) => b - a));
    expect(await current().total()).toBe(9_000);
  });

  test('[T13] each page continues where the previous one ended, for all devices or for one model and firmware', async () => {
    const many = Array.from({ length: 25 }, (_, index) =>
      registration(`token-${index}`, { model: index % 5 === 0 ? 'rare' : 'common', firmware: `${index % 2}` }),
    );
    await register(current(), ...many);
    const tokensOf = async (filter: { readonly model?: string; readonly firmware?: string }) => {
      const tokens: string[] = [];
      for (let after: number | undefined; ; ) {
        const page = await current().list({ limit: 2, ...filter, ...(after === undefined ? {} : { after }) });
        tokens.push(...page.devices.map(({ deviceToken }) => deviceToken));
        after = page.next;
        if (after === undefined) return tokens.sort();
      }
    };
    const expected = (keep: (index: number) => boolean) =>
      many.flatMap(({ deviceToken }, index) => (keep(index) ? [String(deviceToken)] : [])).sort();
    expect(await tokensOf({})).toEqual(expected(() => true));
    expect(await tokensOf({ model: 'rare' })).toEqual(expected((index) => index % 5 === 0));
    expect(await tokensOf({ model: 'rare', firmware: '1' })).toEqual(expected((index) => index % 10 === 5));
    expect(await tokensOf({ model: 'none' })).toEqual([]);
    expect(await current().counts({ model: 'rare', limit: 1 })).toMatchObject([{ model: 'rare' }]);
  });
}
