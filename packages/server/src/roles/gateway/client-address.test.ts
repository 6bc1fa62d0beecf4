import { expect, test } from 'bun:test';
import { parseNetworks } from '@hongyan/base/networks';
import { ClientAddresses } from './client-address.ts';

const addresses = new ClientAddresses(parseNetworks('127.0.0.0/8, ::1, 10.0.0.0/8, 2001:db8:1::/48'));
const of = (peer: string, forwardedFor: string | null = null) => addresses.of(peer, forwardedFor);
const one = (address: string, limitKey: string | undefined = address) => ({ address, limitKey });

test('[L5] a peer that is not a trusted proxy is the client, whatever its header says', () => {
  expect(of('192.0.2.1', '203.0.113.9')).toEqual(one('192.0.2.1'));
  expect(of('::ffff:192.0.2.1')).toEqual(one('192.0.2.1'));
});

test('[L5] behind trusted proxies the client is the last address that is not trusted', () => {
  expect(of('127.0.0.1', '192.0.2.1')).toEqual(one('192.0.2.1'));
  expect(of('::ffff:10.1.2.3', '203.0.113.9, 192.0.2.1, 10.0.0.7')).toEqual(one('192.0.2.1'));
  expect(of('2001:db8:1::5', '192.0.2.1:4711')).toEqual(one('192.0.2.1'));
  expect(of('::1', '[2001:db8:9:8:7::1]:4711').limitKey).toBe('2001:db8:9:8');
});

test('[L5] a trusted peer that reports no valid client is the client', () => {
  const itself = { address: '127.0.0.1', limitKey: undefined };
  for (const header of [null, '', '10.0.0.1', 'unknown', '192.0.2.1, unknown', '<script>'])
    expect(of('127.0.0.1', header)).toEqual(itself);
});

test('[L5] of a long header the end is read', () => {
  expect(of('127.0.0.1', `${'198.51.100.1,'.repeat(5000)}192.0.2.1`)).toEqual(one('192.0.2.1'));
});

test.each([
  ['2001:db8:aa:bb::1', '2001:db8:aa:bb'],
  ['2001:0db8:00aa:00bb:1:2:3:4', '2001:db8:aa:bb'],
  ['2001:DB8::1', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('[L5] all addresses of the network of %s count as one', (address, key) => {
  expect(of(address).limitKey).toBe(key);
});

test.each(['10.0.0.0/33', '::/129', 'proxy', '10.0.0.1/x', '10.0.0/8', '1.2.3.4/-1'])(
  '[L5] networks %s are refused',
  (text) => {
    expect(() => parseNetworks(text)).toThrow(/networks/);
  },
);
