import { expect, test } from 'bun:test';
import { listenFailure } from './listen-failure.ts';

const failed = (code: string): Error => Object.assign(new Error(`${code}: what the runtime says`), { code });

test.each([
  ['EADDRINUSE', '127.0.0.1', 'another process listens on 127.0.0.1:80: stop it, or set another address with --listen'],
  [
    'EADDRINUSE',
    'chat',
    'another process listens on chat:80, or this machine has no such name: stop that process, or set another address with --listen',
  ],
  ['EADDRNOTAVAIL', '192.0.2.1', '192.0.2.1 is not an address of this machine: set one that is with --listen'],
  [
    'EACCES',
    '::1',
    'this user may not listen on [::1]:80, as ports below 1024 are for root: set another one with --listen',
  ],
])('%s at %s says what to do', (code, hostname, message) => {
  expect(listenFailure(failed(code), { hostname, port: 80 }, '--listen')).toMatchObject({ message });
});

test('another error is returned unchanged', () => {
  const error = failed('EMFILE');
  expect(listenFailure(error, { hostname: '127.0.0.1', port: 80 }, '--listen')).toBe(error);
});
