// Addresses to which a webhook may be sent.

import { expect, test } from 'bun:test';
import { isPublicAddress } from './public-address.ts';

test('[W6] addresses of the public internet are accepted', () => {
  for (const address of [
    '1.1.1.1',
    '93.184.216.34',
    '172.32.0.1',
    '100.128.0.1',
    '192.0.1.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
  ])
    expect({ address, isOpen: isPublicAddress(address) }).toEqual({ address, isOpen: true });
});

test('[W6] private, local, link-local, metadata, shared, documentation and multicast addresses are refused, in every notation', () => {
  const closed = [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '100.100.100.200', '127.0.0.1', '127.8.8.8', '168.63.129.16'],
    ...['169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.192', '192.168.1.1', '198.18.0.1', '224.0.0.1'],
    ...[
      '255.255.255.255',
      '203.0.113.9',
      '::',
      '::1',
      'fe80::1',
      'fe80::1%eth0',
      'fc00::1',
      'fd00:ec2::254',
      'ff02::1',
    ],
    ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::7f00:1', '64:ff9b::a00:1', '2002:7f00:1::'],
    ...['2001:db8::1', '2001::1', '3fff::1', '0:0:0:0:0:ffff:0a00:0001'],
  ];
  for (const address of closed)
    expect({ address, isOpen: isPublicAddress(address) }).toEqual({ address, isOpen: false });
});

test('[W6] text that is not an address is refused', () => {
  for (const text of [
    '',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '0x7f.0.0.1',
    '1::2::3',
    '1:2:3:4:5:6:7',
    ':::',
    '12345::',
    'g::',
  ])
    expect({ text, isOpen: isPublicAddress(text) }).toEqual({ text, isOpen: false });
});
