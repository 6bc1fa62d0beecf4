import { afterEach, expect, test } from 'bun:test';
import { createLog } from '@hongyan/base/log';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import type { Config } from '../../config/options.ts';
import type { FromGatewayProcess, ToGatewayProcess } from './messages.ts';
import { type Child, GatewaySlot } from './slot.ts';

/** A process that does what the test makes it do. */
class FakeChild implements Child {
  readonly pid: number;
  readonly received: ToGatewayProcess[] = [];
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  isKilled = false;
  readonly #onMessage: (message: FromGatewayProcess) => void;
  readonly #exit: (exit: { readonly code: number | null; readonly signal: string | null }) => void;

  constructor(pid: number, onMessage: (message: FromGatewayProcess) => void) {
    const { promise, resolve } = Promise.withResolvers<{
      readonly code: number | null;
      readonly signal: string | null;
    }>();
    this.pid = pid;
    this.exited = promise;
    this.#exit = resolve;
    this.#onMessage = onMessage;
  }

  get asked(): number {
    return this.received.filter(({ type }) => type === 'ask').length;
  }

  send(message: ToGatewayProcess): void {
    this.received.push(message);
  }

  kill(): void {
    this.isKilled = true;
    this.#exit({ code: null, signal: 'SIGKILL' });
  }

  says(message: FromGatewayProcess): void {
    this.#onMessage(message);
  }

  exits(code = 1): void {
    this.#exit({ code, signal: null });
  }
}

const linkTimeoutMs = 1000;
const drainSeconds = 5;
const drain = { drainSeconds, drainDelaySeconds: 2 };
const inForce = { pageMax: 7 } as Config;
let clock: ManualClock;
let slot: GatewaySlot | undefined;
let children: FakeChild[];
afterEach(() => {
  for (const child of children) child.exits(0);
});

function create() {
  const lines: string[] = [];
  clock = new ManualClock();
  children = [];
  slot = new GatewaySlot({
    begin: {
      ...{ type: 'begin', node: 'gateway-1', socketPath: '/x', operatorPath: '/y' },
      config: { linkTimeoutMs, ...drain } as Config,
    },
    inForce: () => ({ level: 'debug', config: inForce }),
    spawn: (_node, onMessage) => {
      const child = new FakeChild(children.length + 1, onMessage);
      children.push(child);
      return child;
    },
    onPassed: (process, detail) => lines.push(`${process} passed: ${detail}`),
    log: createLog({ level: 'info', write: (line) => lines.push(line) }),
    clock,
  });
  return { slot, lines };
}

async function start() {
  const created = create();
  const started = created.slot.start();
  newest().says({ type: 'ready' });
  await started;
  return created;
}

const newest = (): FakeChild => {
  const child = children.at(-1);
  if (child === undefined) throw new Error('a process was spawned');
  return child;
};
/** Continuations of promises that are settled have run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

test('a slot has started when its process is ready, and gives it what it begins with', async () => {
  const { lines } = await start();
  expect(newest().received).toMatchObject([
    { type: 'begin', node: 'gateway-1' },
    { type: 'in_force', level: 'debug', config: inForce },
  ]);
  expect(lines.join()).toContain('gateway process is ready');
});

test.each<[string, (child: FakeChild) => void, string]>([
  ['reports a failure', (child) => child.says({ type: 'failed', message: 'the port is taken' }), 'the port is taken'],
  ['exits', (child) => child.exits(3), 'gateway-1 exited with code 3 before it was ready'],
  ['is not ready in time', () => clock.advance(30_000), 'gateway-1 exited with code null before it was ready'],
])('a start rejects when the process %s', async (_name, happens, message) => {
  const started = rejectionOf(create().slot.start());
  happens(newest());
  expect(await started).toMatchObject({ message });
});

test('a process that exits is followed by another, later each time it exits early, at most 5 s', async () => {
  await start();
  const delays: number[] = [];
  for (let exit = 0; exit < 8; exit++) {
    const count = children.length;
    newest().exits();
    await settled();
    const beganMs = clock.monotonicMs();
    while (children.length === count) {
      clock.advance(100);
      await settled();
    }
    delays.push(clock.monotonicMs() - beganMs);
    newest().says({ type: 'ready' });
    await settled();
  }
  expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

test('after a process that lived long, back-off begins anew', async () => {
  await start();
  for (const livedMs of [0, 0, 31_000]) {
    for (let passed = 0; passed < livedMs; passed += 500) {
      clock.advance(500);
      newest().says({ type: 'alive' });
    }
    const count = children.length;
    newest().exits();
    await settled();
    clock.advance(livedMs === 0 ? 5000 : 100);
    await settled();
    expect(children.length).toBe(count + 1);
    newest().says({ type: 'ready' });
    await settled();
  }
});

test('a process that does not start is tried again', async () => {
  const { lines } = await start();
  newest().exits();
  await settled();
  clock.advance(100);
  await settled();
  newest().says({ type: 'failed', message: 'no memory' });
  newest().exits();
  await settled();
  clock.advance(200);
  await settled();
  expect(children).toHaveLength(3);
  expect(lines.join()).toContain('gateway process did not start');
});

test('a process that answers is asked every link timeout, one that does not is killed after two questions and replaced', async () => {
  const { lines } = await start();
  const child = newest();
  for (let interval = 0; interval < 10; interval++) {
    clock.advance(linkTimeoutMs);
    child.says({ type: 'alive' });
  }
  expect([child.asked, child.isKilled]).toEqual([10, false]);
  clock.advance(2 * linkTimeoutMs);
  expect(child.isKilled).toBe(false);
  clock.advance(linkTimeoutMs);
  expect(child.isKilled).toBe(true);
  expect(lines.join()).toContain('gateway process hangs');
  await settled();
  clock.advance(100);
  await settled();
  expect(children).toHaveLength(2);
});

test('a supervisor that was late itself does not take its processes for hanging', async () => {
  await start();
  const child = newest();
  clock.advance(2 * linkTimeoutMs);
  clock.suspend(60_000);
  clock.advance(linkTimeoutMs);
  expect(child.isKilled).toBe(false);
});

test('a stop asks the process to drain, waits for its exit, and starts none after it', async () => {
  const { slot: own } = await start();
  const child = newest();
  const stopped = own.stop();
  expect(child.received.at(-1)).toEqual({ type: 'stop', isRelieved: false, drain });
  child.exits(0);
  await stopped;
  clock.advance(60_000);
  await settled();
  expect(children).toHaveLength(1);
  expect(child.isKilled).toBe(false);
});

test('[O27] a stop of a server that hands over drains for less than is configured, and no longer waits for the exit', async () => {
  const { slot: own } = await start();
  const atOnce = { drainSeconds: 0.25, drainDelaySeconds: 0 };
  const stopped = own.stop(atOnce);
  expect(newest().received.at(-1)).toEqual({ type: 'stop', isRelieved: false, drain: atOnce });
  clock.advance(5_249);
  expect(newest().isKilled).toBe(false);
  clock.advance(1);
  expect(newest().isKilled).toBe(true);
  await stopped;
});

test('a process that does not exit after its drain is killed', async () => {
  const { slot: own } = await start();
  const stopped = own.stop();
  clock.advance(11_999);
  expect(newest().isKilled).toBe(false);
  clock.advance(1);
  expect(newest().isKilled).toBe(true);
  await stopped;
});

test('a stop during the back-off ends it', async () => {
  const { slot: own } = await start();
  newest().exits();
  await settled();
  await own.stop();
  clock.advance(60_000);
  await settled();
  expect(children).toHaveLength(1);
});

test('[O22] a roll starts another process, and drains the one before when the other is ready', async () => {
  const { slot: own } = await start();
  const before = newest();
  const rolled = own.roll();
  const after = newest();
  expect([after === before, after.received[0]?.type]).toEqual([false, 'begin']);
  after.says({ type: 'ready' });
  await settled();
  expect(before.received.at(-1)).toEqual({ type: 'stop', isRelieved: true, drain });
  before.exits(0);
  await rolled;
  clock.advance(linkTimeoutMs);
  after.says({ type: 'alive' });
  expect([children.length, after.asked]).toEqual([2, 1]);
  after.exits();
  await settled();
  clock.advance(100);
  await settled();
  expect(children).toHaveLength(3);
});

test('[O22] when the process that is to follow does not start, the one before stays and is watched', async () => {
  const { slot: own } = await start();
  const before = newest();
  const rolled = rejectionOf(own.roll());
  newest().says({ type: 'failed', message: 'no memory' });
  newest().exits();
  expect(await rolled).toMatchObject({ message: 'no memory' });
  expect(before.received.map(({ type }) => type)).not.toContain('stop');
  before.exits();
  await settled();
  clock.advance(100);
  await settled();
  expect(children).toHaveLength(3);
});

test('[O22] the one before that stays is asked at its own address, and has what came into force meanwhile', async () => {
  const { slot: own } = await start();
  const before = newest();
  const { operatorPath } = own;
  const heard = before.received.length;
  const rolled = rejectionOf(own.roll());
  own.sendInForce();
  newest().says({ type: 'failed', message: 'no memory' });
  newest().exits();
  await rolled;
  expect(own.operatorPath).toBe(operatorPath);
  expect(before.received[0]).toMatchObject({ type: 'begin', operatorPath });
  expect(before.received.slice(heard)).toEqual([{ type: 'in_force', level: 'debug', config: inForce }]);
});

test('[O22] a stop during a roll ends both processes', async () => {
  const { slot: own } = await start();
  const before = newest();
  const rolled = rejectionOf(own.roll());
  const after = newest();
  const stopped = own.stop();
  expect(after.received.at(-1)).toEqual({ type: 'stop', isRelieved: false, drain });
  after.exits(0);
  await settled();
  expect(before.received.at(-1)).toEqual({ type: 'stop', isRelieved: false, drain });
  before.exits(0);
  await stopped;
  expect(await rolled).toBeInstanceOf(Error);
  expect(children).toHaveLength(2);
});

test('[O12] a profile is asked for by its id; a process that exits meanwhile has none', async () => {
  const { lines } = await start();
  const own = slot?.profiler;
  if (!own) throw new Error('a slot has a profiler');
  const [first, second] = [own.heap({ isFull: true }), own.heap({ isFull: false })];
  const asked = newest().received.filter(({ type }) => type === 'profile');
  expect(asked).toEqual([
    { type: 'profile', id: 1, request: { type: 'heap', isFull: true } },
    { type: 'profile', id: 2, request: { type: 'heap', isFull: false } },
  ]);
  newest().says({ type: 'profiled', id: 1, result: { type: 'ok', value: [] } });
  expect(await first).toEqual({ type: 'ok', value: [] });
  newest().says({ type: 'passed', detail: 'late' });
  expect(lines.join()).toContain('gateway-1 passed: late');
  newest().exits();
  expect(await second).toMatchObject({ code: 'not_found', message: 'there is no running process gateway-1' });
  await settled();
  expect(await own.heap({ isFull: true })).toMatchObject({ code: 'not_found' });
});

test('[O12] a CPU profile whose asker has gone is ended early', async () => {
  await start();
  const gone = new AbortController();
  const profiled = slot?.profiler.cpu({ seconds: 300, signal: gone.signal });
  gone.abort();
  expect(newest().received.at(-1)).toEqual({ type: 'end_profile', id: 1 });
  newest().says({ type: 'profiled', id: 1, result: { type: 'ok', value: [] } });
  expect(await profiled).toEqual({ type: 'ok', value: [] });
});

test('[O12] a profile that was asked for before another process followed ends with the process that was asked', async () => {
  const { slot: own } = await start();
  const before = newest();
  const profiled = own.profiler.heap({ isFull: false });
  const gone = new AbortController();
  const ended = own.profiler.cpu({ seconds: 300, signal: gone.signal });
  const rolled = own.roll();
  newest().says({ type: 'ready' });
  await settled();
  gone.abort();
  expect(before.received.at(-1)).toEqual({ type: 'end_profile', id: 2 });
  before.exits(137);
  await rolled;
  expect(await profiled).toMatchObject({ code: 'not_found' });
  expect(await ended).toMatchObject({ code: 'not_found' });
});

test('[O22] a new process that dies while the one before drains is restarted at once, and the roll says so', async () => {
  const { slot: own, lines } = await start();
  const before = newest();
  const rolled = rejectionOf(own.roll());
  newest().says({ type: 'ready' });
  await settled();
  newest().exits();
  await settled();
  expect(lines.join()).toContain('gateway process died');
  clock.advance(100);
  await settled();
  expect(children).toHaveLength(3);
  newest().says({ type: 'ready' });
  before.exits(0);
  expect(await rolled).toMatchObject({ message: 'the new process of gateway-1 exited: its log says why' });
  await settled();
  expect({ children: children.length, isRunning: own.isRunning }).toEqual({ children: 3, isRunning: true });
});
