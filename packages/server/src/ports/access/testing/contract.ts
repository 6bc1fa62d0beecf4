// What every access store must do, whatever keeps it: run by each adapter's test file.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Access } from '../access.ts';
import { type ApiKeyRecord, apiKeysMax, type NewApiKey } from '../api-keys.ts';

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

    test('[A20] a key is found by its id as it was created, and listed oldest first', async () => {
      expect(await access.createKey(newKey('b'))).toBe('created');
      expect(await access.createKey(newKey('a', { scopes: [] }))).toBe('created');
      expect(await access.findKey('b')).toEqual(newKey('b'));
      expect(await access.findKey('B')).toBeUndefined();
      expect(await access.findKey('c')).toBeUndefined();
      expect(await access.listKeys()).toEqual([newKey('b'), newKey('a', { scopes: [] })]);
    });

    test('[A20] an id that is taken changes nothing', async () => {
      await access.createKey(newKey('a'));
      expect(await access.createKey(newKey('a', { name: 'another', scopes: [] }))).toBe('taken');
      expect(await access.findKey('a')).toEqual(newKey('a'));
    });

    test('[A21] a revoked key is found no more, and once', async () => {
      await access.createKey(newKey('a'));
      expect(await Promise.all([access.revokeKey('a'), access.revokeKey('a'), access.revokeKey('b')])).toEqual([
        true,
        false,
        false,
      ]);
      expect(await access.findKey('a')).toBeUndefined();
      expect(await access.listKeys()).toEqual([]);
    });

    test('[A22] the last use only moves forward, and of a key that is there', async () => {
      await access.createKey(newKey('a'));
      await access.touchKey({ keyId: 'a', atMs: 3_000 });
      await access.touchKey({ keyId: 'a', atMs: 2_000 });
      await access.touchKey({ keyId: 'gone', atMs: 2_000 });
      const expected: ApiKeyRecord = { ...newKey('a'), lastUsedAtMs: 3_000 };
      expect(await access.listKeys()).toEqual([expected]);
    });

    test('[A20] further keys than there may be are refused until one is revoked', async () => {
      const all = await Promise.all(
        Array.from({ length: apiKeysMax + 1 }, (_, index) => access.createKey(newKey(`k${index}`))),
      );
      expect(all.filter((outcome) => outcome === 'created')).toHaveLength(apiKeysMax);
      expect(all.at(-1)).toBe('full');
      await access.revokeKey('k0');
      expect(await access.createKey(newKey('last'))).toBe('created');
    });

    test('[A20] keys are there after a restart', async () => {
      await access.createKey(newKey('a'));
      await access.touchKey({ keyId: 'a', atMs: 3_000 });
      access = await made.reopen();
      expect(await access.findKey('a')).toEqual({ ...newKey('a'), lastUsedAtMs: 3_000 });
    });
  });
}
