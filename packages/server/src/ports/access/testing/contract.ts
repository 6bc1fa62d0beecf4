// The contract of the access store. Each adapter's test file runs it.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import type { Revocation } from '../../../domain/revocation.ts';
import type { Access } from '../access.ts';
import { type ApiKeyRecord, apiKeysMax, type NewApiKey } from '../api-keys.ts';
import { devicesPerTokenMax, type RevocationPage, type TokenUse } from '../revocations.ts';

/** Of the store under test. */
export const revocationsMax = 1_000;

export interface AccessUnderTest {
  readonly access: Access;
  /** As after a restart. */
  reopen(): Promise<Access>;
  remove(): Promise<void>;
}

const newKey = (keyId: string, more: Partial<NewApiKey> = {}): NewApiKey => ({
  keyId,
  name: `key ${keyId}`,
  scopes: ['tokens:mint', 'users:manage'],
  secretHash: keyId.padEnd(64, '0'),
  createdAtMs: 1_000,
  ...more,
});

export function accessContract(name: string, make: () => Promise<AccessUnderTest>): void {
  describe(name, () => {
    let made: AccessUnderTest;
    let access: Access;
    beforeEach(async () => {
      made = await make();
      access = made.access;
    });
    afterEach(() => made.remove());
    const tools: Tools = {
      access: () => access,
      reopen: async () => {
        access = await made.reopen();
      },
    };

    describe('keys', () => keysContract(tools));
    describe('revocations', () => revocationsContract(tools));
    describe('uses of tokens', () => usesContract(tools));
  });
}

interface Tools {
  access(): Access;
  reopen(): Promise<void>;
}

function keysContract({ access, reopen }: Tools): void {
  test('[A20] a key is found by its id as it was created, and listed oldest first', async () => {
    expect(await access().createKey(newKey('b'))).toBe('created');
    expect(await access().createKey(newKey('a', { scopes: [] }))).toBe('created');
    expect(await access().findKey('b')).toEqual(newKey('b'));
    expect(await access().findKey('B')).toBeUndefined();
    expect(await access().findKey('c')).toBeUndefined();
    expect(await access().listKeys()).toEqual([newKey('b'), newKey('a', { scopes: [] })]);
  });

  test('[A20] creating a key with an existing id changes nothing', async () => {
    await access().createKey(newKey('a'));
    expect(await access().createKey(newKey('a', { name: 'another', scopes: [] }))).toBe('taken');
    expect(await access().findKey('a')).toEqual(newKey('a'));
  });

  test('[A21] a revoked key is not found, and can be revoked once', async () => {
    await access().createKey(newKey('a'));
    const revoked = await Promise.all([access().revokeKey('a'), access().revokeKey('a')]);
    expect(revoked.toSorted()).toEqual([false, true]);
    expect(await access().revokeKey('b')).toBe(false);
    expect(await access().findKey('a')).toBeUndefined();
    expect(await access().listKeys()).toEqual([]);
  });

  test('[A22] the last use of a key only moves forward; unknown keys change nothing', async () => {
    await access().createKey(newKey('a'));
    await access().touchKey({ keyId: 'a', atMs: 3_000 });
    await access().touchKey({ keyId: 'a', atMs: 2_000 });
    await access().touchKey({ keyId: 'gone', atMs: 2_000 });
    const expected: ApiKeyRecord = { ...newKey('a'), lastUsedAtMs: 3_000 };
    expect(await access().listKeys()).toEqual([expected]);
  });

  test('[A20] at the maximum no key is created until one is revoked', async () => {
    const ids = Array.from({ length: apiKeysMax - 10 }, (_, index) => `k${index}`);
    for (let from = 0; from < ids.length; from += 100)
      await Promise.all(ids.slice(from, from + 100).map((id) => access().createKey(newKey(id))));
    const last = await Promise.all(
      Array.from({ length: 11 }, (_, index) => access().createKey(newKey(`last${index}`))),
    );
    expect(last.filter((outcome) => outcome === 'created')).toHaveLength(10);
    expect(last.filter((outcome) => outcome === 'full')).toHaveLength(1);
    expect(await access().listKeys()).toHaveLength(apiKeysMax);
    await access().revokeKey('k0');
    expect(await access().createKey(newKey('more'))).toBe('created');
  }, 60_000);

  test('[A20] keys survive a restart', async () => {
    await access().createKey(newKey('a'));
    await access().touchKey({ keyId: 'a', atMs: 3_000 });
    await reopen();
    expect(await access().findKey('a')).toEqual({ ...newKey('a'), lastUsedAtMs: 3_000 });
  });
}

const user = (id: string) => id as UserId;
const device = (id: string) => id as DeviceId;
const ofToken = (tokenId: string, untilMs = 100): Revocation => ({
  type: 'token',
  tokenId,
  userId: user('ann'),
  untilMs,
});
const ofUser = (userId: string, issuedBeforeMs: number, untilMs = 100): Revocation => ({
  type: 'user',
  userId: user(userId),
  issuedBeforeMs,
  untilMs,
});

async function allOf(access: Access, limit = 2): Promise<readonly Revocation[]> {
  const all: Revocation[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: RevocationPage = await access.revocations({ after, limit });
    all.push(...page.revocations);
    after = page.next;
  }
  return all;
}

function revocationsContract({ access, reopen }: Tools): void {
  test('[A10, A11] revocations are read page by page in their order, also after a restart', async () => {
    const made = [ofToken('t1'), ofUser('ann', 50), ofToken('t2'), ofUser('bob', 60), ofToken('t3')];
    for (const each of made) expect(await access().revoke([each])).toBe('revoked');
    expect(await allOf(access())).toEqual(made);
    await reopen();
    expect(await allOf(access())).toEqual(made);
  });

  test('[A11] the newest revocation of a user is stored, in any case of the id', async () => {
    await access().revoke([ofUser('Ann', 50), ofUser('ann', 70), ofUser('ANN', 60)]);
    expect(await allOf(access())).toEqual([ofUser('ann', 70)]);
    expect(await access().issuedBefore(user('aNN'))).toBe(70);
    expect(await access().issuedBefore(user('bob'))).toBe(0);
  });

  test('[A10] revoking again changes nothing, and a page after the last is empty', async () => {
    await access().revoke([ofToken('t1'), ofToken('t1')]);
    await access().revoke([ofToken('t1', 900)]);
    expect(await allOf(access(), 1)).toEqual([ofToken('t1')]);
  });

  test('[A12] a revocation is forgotten when its tokens have expired, not before', async () => {
    await access().revoke([ofToken('t1', 100), ofToken('t2', 200), ofUser('ann', 50, 100), ofUser('bob', 50, 101)]);
    expect(await access().forgetExpired({ nowMs: 99, limit: 10 })).toBe(0);
    expect(await access().forgetExpired({ nowMs: 100, limit: 1 })).toBe(1);
    expect(await access().forgetExpired({ nowMs: 100, limit: 10 })).toBe(1);
    expect(await allOf(access())).toEqual([ofToken('t2', 200), ofUser('bob', 50, 101)]);
  });

  test('[A12] revocations beyond the maximum are rejected as a whole until some have expired', async () => {
    const many = Array.from({ length: revocationsMax - 1 }, (_, index) => ofToken(`t${index}`));
    await access().revoke(many);
    expect(await access().revoke([ofToken('x'), ofToken('y')])).toBe('full');
    expect((await allOf(access(), 500)).length).toBe(revocationsMax - 1);
    expect(await access().revoke([ofToken('x')])).toBe('revoked');
    await access().forgetExpired({ nowMs: 100, limit: 500 });
    expect(await access().revoke([ofToken('y')])).toBe('revoked');
  });
}

function usesContract({ access, reopen }: Tools): void {
  const use = (tokenId: string, deviceId: string, userId = 'ann', expiresAtMs = 100): TokenUse => ({
    tokenId,
    userId: user(userId),
    deviceId: device(deviceId),
    expiresAtMs,
  });

  test('[A14] the tokens of a device, and the devices of a token', async () => {
    for (const each of [use('t1', 'phone'), use('t2', 'phone'), use('t1', 'tablet'), use('t3', 'phone', 'bob')])
      await access().recordUse(each);
    await access().recordUse(use('t1', 'phone'));
    const tokensOf = async (deviceId: string, userId = 'ANN') =>
      (await access().tokensOf({ userId: user(userId), deviceId: device(deviceId) })).map(({ tokenId }) => tokenId);
    expect((await tokensOf('phone')).toSorted()).toEqual(['t1', 't2']);
    expect(await tokensOf('phone', 'bob')).toEqual(['t3']);
    expect(await tokensOf('Phone')).toEqual([]);
    expect((await access().devicesOf('t1')).toSorted()).toEqual([device('phone'), device('tablet')]);
    await reopen();
    expect((await tokensOf('phone')).toSorted()).toEqual(['t1', 't2']);
  });

  test('[A14] invented devices of one token are recorded up to a bound', async () => {
    const many = Array.from({ length: devicesPerTokenMax + 5 }, (_, index) =>
      access().recordUse(use('t1', `d${index}`)),
    );
    await Promise.all(many);
    expect(await access().devicesOf('t1')).toHaveLength(devicesPerTokenMax);
  });

  test('[A14] revoked and expired tokens are of no device any more', async () => {
    for (const each of [use('t1', 'phone'), use('t2', 'phone'), use('t3', 'phone', 'ann', 200), use('b', 'pc', 'bob')])
      await access().recordUse(each);
    await access().revoke([ofToken('t1')]);
    expect(await access().devicesOf('t1')).toEqual([]);
    const signedIn = async (nowMs = 99) => (await access().signedIn({ userId: user('ANN'), nowMs })).toSorted();
    await access().recordUse(use('t4', 'tablet'));
    expect(await signedIn()).toEqual([device('phone'), device('tablet')]);
    expect(await signedIn(100)).toEqual([device('phone')]);
    await access().forgetExpired({ nowMs: 150, limit: 10 });
    const ann = { userId: user('ann'), deviceId: device('phone') };
    expect(await access().tokensOf(ann)).toEqual([use('t3', 'phone', 'ann', 200)]);
    await access().revoke([ofUser('Ann', 90, 900)]);
    expect(await access().tokensOf(ann)).toEqual([]);
    expect(await signedIn()).toEqual([]);
  });
}
