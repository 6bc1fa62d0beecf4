// Which requests of other processes are let in: those that were signed for this one, as they are, a moment ago.

import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { PeerAccess } from './peer-access.ts';

const secret = new TextEncoder().encode('a secret that all processes have');
const clock = new ManualClock();
const [asking, asked] = [new PeerAccess('life-a', { secret, clock }), new PeerAccess('life-b', { secret, clock })];
const path = '/debug/log-level?process=core-1';
const body = '{"level":"debug"}';
const signed = { method: 'PUT', path, body };

const request = (authorization: string, { method, path: of, body: text } = signed) =>
  new Request(`http://127.0.0.1:8090${of}`, { method, body: text, headers: { authorization } });

test('[O35] a request that was signed for this process is let in, and its body can still be read', async () => {
  const given = request(asking.headerFor('life-b', signed));
  expect(await asked.isPeer(given)).toBe(true);
  expect(await given.text()).toBe(body);
  const read = { method: 'GET', path: '/readyz', body: '' };
  const header = asking.headerFor('life-b', read);
  expect(await asked.isPeer(new Request('http://127.0.0.1/readyz', { headers: { authorization: header } }))).toBe(true);
});

test('[O35] one for another process, with another secret, path, body or method, or an old one is not', async () => {
  const header = asking.headerFor('life-b', signed);
  expect(await asking.isPeer(request(header))).toBe(false);
  const stranger = new PeerAccess('life-c', { secret: new TextEncoder().encode('another secret'), clock });
  expect(await asked.isPeer(request(stranger.headerFor('life-b', signed)))).toBe(false);
  expect(await asked.isPeer(request(header, { ...signed, path: '/debug/log-level' }))).toBe(false);
  expect(await asked.isPeer(request(header, { ...signed, body: '{"level":"info"}' }))).toBe(false);
  expect(await asked.isPeer(request(header, { ...signed, method: 'POST' }))).toBe(false);
  for (const wrong of ['', 'Bearer x', header.slice(0, -1), `${header}A`, header.replace(/ \d/, ' 9')])
    expect(await asked.isPeer(request(wrong))).toBe(false);
  clock.advance(61_000);
  expect(await asked.isPeer(request(header))).toBe(false);
});
