// The contract of the node registry.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { until } from '@hongyan/testing/until';
import type { NodeRecord, NodeRegistry } from '../node-registry.ts';

export interface MadeNodeRegistry {
  readonly registry: NodeRegistry;
  remove(): Promise<void>;
}

/** `ttlMs`: of the records. */
export function nodeRegistryContract(name: string, make: (ttlMs: number) => Promise<MadeNodeRegistry>): void {
  describe(`node registry on ${name}`, () => {
    let made: MadeNodeRegistry;
    const names = async () => (await made.registry.list()).map((node) => node.name);
    beforeEach(async () => {
      made = await make(60_000);
    });
    afterEach(() => made.remove());

    test('[N1] a node is listed as it announced itself last, by its name', async () => {
      const { registry } = made;
      await registry.announce(nodeOf('b'));
      await registry.announce(nodeOf('a', { state: 'starting' }));
      const ready = nodeOf('a', { connections: 3, partitions: [0, 5], linkAddress: '127.0.0.1:1' });
      expect(await registry.announce(ready)).toEqual({ isReplaced: false, isDrainRequested: false });
      expect(await registry.list()).toEqual([ready, nodeOf('b')]);
    });

    test('[N1] one that leaves is listed no more, and takes no other life of its name away', async () => {
      const { registry } = made;
      await registry.announce(nodeOf('a'));
      await registry.withdraw({ name: 'a', life: 'another' });
      expect(await names()).toEqual(['a']);
      await registry.withdraw(nodeOf('a'));
      expect(await names()).toEqual([]);
    });

    test('[N1] one that announces itself no more is listed no more', async () => {
      const short = await make(300);
      await short.registry.announce(nodeOf('a'));
      await until(async () => (await short.registry.list()).length === 0);
      await short.remove();
    });

    test('[N2] when two processes have the same name, the one that started later keeps it', async () => {
      const { registry } = made;
      await registry.announce(nodeOf('a'));
      const later = nodeOf('a', { life: 'later', startedAtMs: 2 });
      expect((await registry.announce(later)).isReplaced).toBe(false);
      expect((await registry.announce(nodeOf('a'))).isReplaced).toBe(true);
      expect(await registry.list()).toEqual([later]);
    });

    test('[N3] a node learns that it is to drain, and the next process of that name does not', async () => {
      const { registry } = made;
      expect(await registry.requestDrain('a')).toBe(false);
      await registry.announce(nodeOf('a'));
      expect(await registry.requestDrain('a')).toBe(true);
      expect((await registry.announce(nodeOf('a'))).isDrainRequested).toBe(true);
      expect((await registry.announce(nodeOf('a', { state: 'draining' }))).isDrainRequested).toBe(true);
      expect((await registry.announce(nodeOf('a', { life: 'later', startedAtMs: 2 }))).isDrainRequested).toBe(false);
    });
  });
}

const nodeOf = (name: string, more: Partial<NodeRecord> = {}): NodeRecord => ({
  ...{ name, life: 'first', roles: ['core'], state: 'ready', version: '1', startedAtMs: 1 },
  ...more,
});
