// Registrations of devices against everything: bad requests, random ones, kill -9 under load, a full disk.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { dataLayout } from '@hongyan/server/config/data-layout';
import { openSqliteDeviceReader } from '@hongyan/server/ports/devices/sqlite-devices';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import fc from 'fast-check';
import { Registrar } from '../registrar.ts';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';

const seed = testSeed('devices');
const args = ['--operator-listen', ''];
let server: ServerProcess;
let registrar: Registrar;
let mailer: Registrar;

beforeAll(async () => {
  server = await startServer({ dataDir: await dataFolder('devices'), args });
  registrar = await Registrar.create(server);
  mailer = await Registrar.create(server, { keyId: 'mailer', scopes: ['messages:send'] });
}, 30_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

const device = (token: string, more: object = {}) => ({ device_token: token, model: 'P1', firmware: '1.0', ...more });
const good = device('device-good');

const badDevices: readonly [name: string, body: unknown][] = [
  ['no object', '[]'],
  ['malformed JSON', '{"device_token":'],
  ['an empty body', ''],
  ['no token', { model: 'P1', firmware: '1.0' }],
  ['a short token', device('short')],
  ['a token of 257 characters', device('t'.repeat(257))],
  ['a token with a slash', device('device/../../etc')],
  ['a token with SQL', device(`'; DROP TABLE device; --`)],
  ['a token with a zero byte', device('device-\u0000-zero')],
  ['a token that is a number', { ...good, device_token: 12_345_678 }],
  ['no model', { device_token: 'device-x', firmware: '1' }],
  ['an empty model', device('device-x', { model: '' })],
  ['a long firmware', device('device-x', { firmware: 'f'.repeat(65) })],
  ['details of another type', device('device-x', { platform: { os: 'android' } })],
  ['a time that is no integer', device('device-x', { registered_at: 1.5 })],
  ['a time before 1970', device('device-x', { registered_at: -1 })],
  ['a time in the future', device('device-x', { registered_at: Date.now() + 3_600_000 })],
  [
    'a number that JavaScript would change',
    '{"device_token":"device-x","model":"P1","firmware":"1","registered_at":12345678901234567890}',
  ],
];

test.each(badDevices)('[T11] a registration with %s is refused as bad_request', async (_name, body) => {
  const answer = await registrar.post('register', body);
  expect(await answer.json()).toMatchObject({ status: 400, code: 'bad_request' });
});

test.each(badDevices.filter(([, body]) => typeof body !== 'string'))(
  '[T11] in a batch a registration with %s is told by its index, and the others are accepted',
  async (_name, body) => {
    const answer = await registrar.post('register/batch', { devices: [good, body, good] });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ accepted: 2, refused: [{ index: 1, reason: expect.any(String) }] });
  },
);

const badBatches: readonly [name: string, body: unknown, status: number][] = [
  ['no list', {}, 400],
  ['an empty list', { devices: [] }, 400],
  ['a list that is none', { devices: good }, 400],
  ['1,001 devices', { devices: Array.from({ length: 1_001 }, () => good) }, 400],
  [
    'more than a mebibyte',
    { devices: Array.from({ length: 1_000 }, () => device('device-x', { more: 'x'.repeat(1_100) })) },
    413,
  ],
];

test.each(badBatches)('[T11] a batch with %s is refused as a whole', async (_name, body, status) => {
  expect((await registrar.post('register/batch', body)).status).toBe(status);
});

const text = JSON.stringify(good);
const badSignatures: readonly [name: string, send: () => Promise<Response>, code: string][] = [
  ['no signature', () => registrar.send('register', text, {}), 'unauthorized'],
  [
    'a bearer token in its place',
    () => registrar.send('register', text, { authorization: 'Bearer x' }),
    'unauthorized',
  ],
  ['another body', () => registrar.send('register', `${text} `, registrar.headers(text)), 'unauthorized'],
  [
    'a byte order mark that was not signed',
    () => registrar.send('register', `\ufeff${text}`, registrar.headers(text)),
    'bad_request',
  ],
  [
    'another time',
    () => registrar.send('register', text, { ...registrar.headers(text), 'hongyan-timestamp': String(Date.now() + 7) }),
    'unauthorized',
  ],
  ['an unknown key', () => registrar.post('register', good, { 'hongyan-key-id': 'nobody' }), 'unauthorized'],
  ["another key's signature", () => registrar.post('register', good, { 'hongyan-key-id': 'mailer' }), 'unauthorized'],
  [
    'a time an hour ago',
    () => registrar.post('register', good, { 'hongyan-timestamp': String(Date.now() - 3_600_000) }),
    'unauthorized',
  ],
  [
    'a time in seconds',
    () => registrar.post('register', good, { 'hongyan-timestamp': String(Math.floor(Date.now() / 1_000)) }),
    'unauthorized',
  ],
  ['a time that is a word', () => registrar.post('register', good, { 'hongyan-timestamp': 'now' }), 'unauthorized'],
  [
    'a signature that is none',
    () => registrar.post('register', good, { 'hongyan-signature': 'z'.repeat(64) }),
    'unauthorized',
  ],
  ['a key without the scope', () => mailer.post('register', good), 'forbidden'],
];

test.each(badSignatures)('[T10] a request with %s is refused', async (_name, send, code) => {
  expect(await (await send()).json()).toMatchObject({ code });
});

test('[T10] the same request a second time is refused', async () => {
  const headers = registrar.headers(text);
  expect((await registrar.send('register', text, headers)).status).toBe(202);
  const again = await registrar.send('register', text, headers);
  expect([again.status, ((await again.json()) as { detail: string }).detail]).toEqual([
    401,
    expect.stringContaining('used'),
  ]);
});

test('bodies of any kind are never the fault of the server', async () => {
  const anyDevice = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        device_token: fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9-]{8,20}$/)),
        model: fc.oneof(fc.string(), fc.jsonValue()),
        firmware: fc.string(),
        registered_at: fc.oneof(fc.integer(), fc.double()),
        locale: fc.string({ unit: 'binary' }),
      },
      { requiredKeys: [] },
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(anyDevice, fc.record({ devices: fc.array(anyDevice) })),
      fc.boolean(),
      async (body, isBatch) => {
        const answer = await registrar.post(isBatch ? 'register/batch' : 'register', body);
        expect([202, 400]).toContain(answer.status);
        await answer.text();
      },
    ),
    { seed, numRuns: 1_000, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false, endOnFailure: true },
  );
  expect(server.isAlive()).toBe(true);
  expect(server.output()).not.toContain('failed');
}, 30_000);

/** What devices.db of a stopped or running server holds: token → firmware, and the counts. */
async function stored(dataDir: string) {
  const reader = openSqliteDeviceReader(dataLayout(dataDir).devices);
  try {
    const firmwares = new Map<string, string[]>();
    for (let after = 0; ; ) {
      const page = await reader.list({ limit: 5_000, after });
      for (const each of page.devices)
        firmwares.set(each.deviceToken, [...(firmwares.get(each.deviceToken) ?? []), each.firmware]);
      if (page.next === undefined) break;
      after = page.next;
    }
    return { firmwares, total: await reader.total(), counts: await reader.counts({ limit: 10_000 }) };
  } finally {
    await reader.close();
  }
}

test('[T11][T12][T8] killed under load again and again: no accepted registration is lost, doubled, or older than accepted', async () => {
  const random = createRandom(seed);
  const rounds = Number(process.env.HONGYAN_FAULT_ROUNDS ?? 12);
  const dataDir = await dataFolder('devices-kill');
  let killed = await startServer({ dataDir, args });
  const { port } = killed;
  const killable = await Registrar.create(killed);
  /** The newest version of each device that was accepted. */
  const accepted = new Map<string, number>();
  let version = 0;
  for (let round = 0; round < rounds; round++) {
    let isRunning = true;
    const load = Array.from({ length: 6 }, async () => {
      while (isRunning) {
        const own = ++version;
        const at = Date.now() - 1_000_000 + own;
        const tokens = Array.from({ length: 50 }, () => `device-${Math.floor(random() * 3_000)}`);
        const devices = tokens.map((token) => device(token, { firmware: String(own), registered_at: at }));
        const answer = await killable.post('register/batch', { devices }).catch(() => undefined);
        if (answer?.status !== 202) continue;
        for (const token of tokens) accepted.set(token, Math.max(accepted.get(token) ?? 0, own));
      }
    });
    await Bun.sleep(100 + random() * 300);
    await killed.kill();
    isRunning = false;
    await Promise.all(load);
    killed = await startServer({ dataDir, port, args });
  }
  expect(accepted.size).toBeGreaterThan(100);
  const missing = async () => {
    const { firmwares } = await stored(dataDir);
    return [...accepted].filter(([token, own]) => !(Number(firmwares.get(token)?.[0] ?? 0) >= own));
  };
  await until(async () => (await missing()).length === 0, { withinMs: 60_000, what: 'all accepted are stored' });
  await killed.stop();
  const { firmwares, total, counts } = await stored(dataDir);
  expect([...firmwares.values()].filter((all) => all.length !== 1)).toEqual([]);
  expect(total).toBe(firmwares.size);
  expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(firmwares.size);
  console.log(`devices: ${rounds} kills, ${accepted.size} devices, ${version} batches`);
}, 240_000);

test('[T10][T11][T12] through two gateways a signed request is taken once, and the newest registration of a token wins', async () => {
  const dataDir = await dataFolder('devices-two');
  const two = await startServer({ dataDir, args: [...args, '--gateways', '2'] });
  const own = await Registrar.create(two);
  const body = JSON.stringify(device('device-once'));
  const headers = { ...own.headers(body), connection: 'close' };
  // The kernel spreads connections over the gateways.
  const answers = await Promise.all(Array.from({ length: 16 }, () => own.send('register', body, headers)));
  const statuses = answers.map(({ status }) => status);
  expect([statuses.filter((status) => status === 202).length, new Set(statuses)]).toEqual([1, new Set([202, 401])]);
  const at = Date.now() - 1_000_000;
  const register = async (no: number, version: number) => {
    const more = { firmware: String(version), registered_at: at + version };
    expect((await own.post('register', device(`device-two-${no}`, more), { connection: 'close' })).status).toBe(202);
  };
  await Promise.all(Array.from({ length: 200 }, (_, index) => register(index % 20, index)));
  await until(async () => (await stored(dataDir)).total === 21, { withinMs: 30_000 });
  const newest = Array.from({ length: 20 }, (_, no): [string, string[]] => [`device-two-${no}`, [String(180 + no)]]);
  const isNewest = async () => {
    const { firmwares } = await stored(dataDir);
    return newest.every(([token, firmware]) => Bun.deepEquals(firmwares.get(token), firmware));
  };
  await until(isNewest, { withinMs: 30_000, what: 'each device has its newest registration, once' });
  await two.stop();
}, 60_000);

test('[T11] a full disk answers unavailable, accepts nothing it cannot keep, and with room goes on', async () => {
  const dataDir = await dataFolder('devices-full');
  const small = await startServer({ dataDir, args: [...args, '--store-bytes-max', '1000000'] });
  const full = await Registrar.create(small);
  const accepted: string[] = [];
  let refusedCode = '';
  for (let batch = 0; batch < 400 && refusedCode === ''; batch++) {
    const tokens = Array.from({ length: 100 }, (_, index) => `device-${batch}-${index}-${'x'.repeat(100)}`);
    const answer = await full.post('register/batch', { devices: tokens.map((token) => device(token)) });
    if (answer.status === 202) accepted.push(...tokens);
    else refusedCode = ((await answer.json()) as { code: string }).code;
  }
  expect(refusedCode).toBe('unavailable');
  expect(accepted.length).toBeGreaterThan(100);
  await small.stop();
  const large = await startServer({ dataDir, args });
  await until(async () => (await stored(dataDir)).total === accepted.length, { withinMs: 60_000 });
  expect([...(await stored(dataDir)).firmwares.keys()].sort()).toEqual(accepted.toSorted());
  await large.stop();
}, 120_000);
