// An option counts as read where code takes it from a Config, in product code alone.

import { expect, test } from 'bun:test';
import { unreadOptions } from './check-options.ts';

const declared = ['log-level', 'drain-seconds', 'page-max', 'data', 'profile', 'tls-key', 'gateways'];

test('what nothing takes from a Config is found', () => {
  const files = [
    { path: 'packages/server/src/compose/a.ts', text: 'createLog(config.logLevel); wait(config.drainSeconds);' },
    { path: 'packages/server/src/compose/b.ts', text: 'function open({ data, tlsKey: key }: Config) {}' },
    { path: 'packages/cli/src/c.ts', text: 'const { gateways = 1 } = config;' },
    { path: 'packages/server/src/config/load.ts', text: 'check(config.pageMax);' },
    { path: 'packages/server/src/compose/a.test.ts', text: 'expect(config.pageMax).toBe(1);' },
    { path: 'packages/server/src/roles/d.ts', text: 'const { profile, pageMax } = limits;' },
  ];
  expect(unreadOptions(declared, files)).toEqual(['pageMax', 'profile']);
});
