// URLs of bound addresses: schemes, brackets, wildcards, and the address that the client used.

import { expect, test } from 'bun:test';
import { formatAddress, parseAddress, reachableUrl } from './address.ts';

test.each([
  ['127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ['localhost:80', 'http://localhost:80'],
  ['[fe80::1]:8080', 'http://[fe80::1]:8080'],
  ['0.0.0.0:8080', 'http://127.0.0.1:8080'],
  ['[::]:8080', 'http://[::1]:8080'],
  ['[0:0:0:0:0:0:0:0]:8080', 'http://[::1]:8080'],
  ['10.0.0.0:8080', 'http://10.0.0.0:8080'],
])('a server bound to %s is reached at %s', (bound, url) => {
  const address = parseAddress(bound);
  expect(reachableUrl({ ...address, isTls: false })).toBe(url);
  expect(reachableUrl({ ...address, isTls: true })).toBe(url.replace('http', 'https'));
  expect(formatAddress(address)).toBe(bound);
});

test('the address of the request is returned, whatever the server is bound to', () => {
  for (const askedBy of ['im.example.org', 'im.example.org:8443', '[2001:db8::1]:443', '10.1.2.3:80']) {
    for (const bound of ['0.0.0.0:8080', '[::]:8080', '127.0.0.1:8080']) {
      expect(reachableUrl({ ...parseAddress(bound), isTls: true, askedBy })).toBe(`https://${askedBy}`);
    }
  }
});

test('an invalid Host header is not returned', () => {
  for (const askedBy of ['', 'user@host', 'host/path', 'a b', 'host:port', 'host:80:80', null, undefined]) {
    expect(reachableUrl({ ...parseAddress('0.0.0.0:80'), isTls: false, askedBy })).toBe('http://127.0.0.1:80');
  }
});
