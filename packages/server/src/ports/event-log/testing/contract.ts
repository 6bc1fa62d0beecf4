// The contract of the event log. Each adapter's test file runs it.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { EventType } from '@hongyan/protocol/events';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { EventLog, Position, ReportedPosition } from '../event-log.ts';
import { claimsContract } from './contract-claims.ts';
import { webhooksContract } from './contract-webhooks.ts';
import { type Current, endpoint, event, events } from './drafts.ts';

export interface EventLogUnderTest {
  readonly log: EventLog;
  /** Closes and opens it again. */
  reopen(): Promise<EventLog>;
  remove(): Promise<void>;
}

const reported = (userId: string, deliveredSeq: number, readSeq = 0): ReportedPosition => ({
  conversationId: 'g:1' as ConversationId,
  userId: userId as UserId,
  deliveredSeq: deliveredSeq as Seq,
  readSeq: readSeq as Seq,
});
const all = (log: EventLog) => log.read({ after: 0, limit: 1_000 });
const told = async (log: EventLog) =>
  (await all(log)).events.map(({ type, dataJson }) => {
    const { user_id, delivered_seq = '', read_seq = '' } = JSON.parse(dataJson);
    return `${type} ${user_id} ${delivered_seq} ${read_seq}`.trim();
  });

export function eventLogContract(name: string, make: () => Promise<EventLogUnderTest>): void {
  describe(name, () => {
    let underTest: EventLogUnderTest;
    let log: EventLog;
    beforeEach(async () => {
      underTest = await make();
      log = underTest.log;
    });
    afterEach(() => underTest.remove());
    const current: Current = {
      log: () => log,
      async reopen() {
        log = await underTest.reopen();
      },
    };
    describe('events', () => eventsContract(current));
    describe('positions of members', () => positionsContract(current));
    describe('presence', () => presenceContract(current));
    describe('retention', () => retentionContract(current));
    describe('claims', () => claimsContract(current));
    describe('webhooks', () => webhooksContract(current));
  });
}

function eventsContract(current: Current): void {
  test('[W1] events are read in the order of their appends, with growing positions, also after a reopen', async () => {
    const appended = [event({ seq: 7 as Seq }), ...events(4)];
    await Promise.all(appended.map((one) => current.log().append({ events: [one] })));
    for (const isReopened of [false, true]) {
      if (isReopened) await current.reopen();
      const page = await all(current.log());
      expect(page.events.map(({ position: _position, ...rest }) => rest)).toEqual(appended);
      expect(page.events.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
      expect(page).toMatchObject({ position: 5, isAtEnd: true, hasGap: false });
    }
  });

  test('pages follow one another by their position, filtered by type or not', async () => {
    const types: readonly EventType[] = ['message.created', 'user.online', 'message.read'];
    await current
      .log()
      .append({ events: Array.from({ length: 30 }, (_, n) => event({ type: types[n % 3] ?? 'user.online' })) });
    for (const [wanted, expected] of [
      [undefined, 30],
      [['user.online'], 10],
      [['user.online', 'message.read'], 20],
      [['user.offline'], 0],
    ] as const) {
      const found: number[] = [];
      let after = 0;
      for (let isAtEnd = false; !isAtEnd; ) {
        const page = await current.log().read({ after, limit: 7, types: wanted });
        found.push(...page.events.map(({ position }) => position));
        ({ position: after, isAtEnd } = page);
      }
      expect(found).toHaveLength(expected);
      expect(found).toEqual([...new Set(found)].sort((a, b) => a - b));
      expect(after).toBe(30);
    }
  });

  test('[W1] the position of the feed is stored with the events that came from it, and forgotten on request', async () => {
    expect(await current.log().feedPosition()).toBeUndefined();
    await current.log().append({ events: [event()], feedPosition: 'e.1' as Position });
    await current.log().append({ events: [event()] });
    await current.reopen();
    expect(await current.log().feedPosition()).toBe('e.1' as Position);
    await current.log().append({ events: [], feedPosition: 'e.2' as Position });
    expect(await current.log().feedPosition()).toBe('e.2' as Position);
    await current.log().endRecording();
    expect(await current.log().feedPosition()).toBeUndefined();
  });

  test('[W1] recording begins once, and ends when there is no endpoint', async () => {
    const begin = (position: string) => current.log().beginRecording(position as Position);
    expect(await current.log().isRecording()).toBe(false);
    await begin('e.1');
    await begin('e.2');
    expect(await current.log().isRecording()).toBe(true);
    expect(await current.log().feedPosition()).toBe('e.1' as Position);
    await current.log().addEndpoint(endpoint());
    await current.log().endRecording();
    expect(await current.log().isRecording()).toBe(true);
    await current.log().removeEndpoint('wh_1');
    await current.log().endRecording();
    expect(await current.log().isRecording()).toBe(false);
    await begin('e.3');
    expect(await current.log().feedPosition()).toBe('e.3' as Position);
  });

  test('one event is found by its position', async () => {
    const one = event();
    await current.log().append({ events: [one] });
    expect(await current.log().at(1)).toEqual({ ...one, position: 1 });
    expect(await current.log().at(2)).toBeUndefined();
  });

  test('wait resolves at the next append, at once when there is one already, when aborted and when closed', async () => {
    const never = new AbortController().signal;
    let isResolved = false;
    const waiting = current
      .log()
      .wait({ after: 0, signal: never })
      .then(() => {
        isResolved = true;
      });
    await Promise.resolve();
    expect(isResolved).toBe(false);
    await current.log().append({ events: [event()] });
    await waiting;
    await current.log().wait({ after: 0, signal: never });
    await current.log().wait({ after: 1, signal: AbortSignal.abort() });
    const closed = current.log().wait({ after: 1, signal: never });
    await current.reopen();
    await closed;
  });
}

function positionsContract(current: Current): void {
  const tell = () => current.log().appendPositionEvents({ atMs: 5_000, limit: 10 });

  test('[W7] moved positions have one event, coalesced, also after a reopen', async () => {
    await current.log().recordPositions([reported('ann', 3), reported('bob', 2, 1)]);
    await current.log().recordPositions([reported('ann', 5)]);
    await current.reopen();
    expect(await tell()).toBe(true);
    const expected = ['message.delivered ann 5 0', 'message.delivered bob 2 1', 'message.read bob 2 1'];
    expect(await told(current.log())).toEqual(expected);
    expect(await tell()).toBe(false);
    await current.log().recordPositions([reported('ann', 5), reported('ann', 4), reported('bob', 1, 1)]);
    expect(await tell()).toBe(false);
    await current.log().recordPositions([reported('ann', 5, 5)]);
    expect(await tell()).toBe(true);
    expect(await told(current.log())).toEqual([...expected, 'message.read ann 5 5']);
  });

  test('[W4] the id of an event of a position is that of the position', async () => {
    await current.log().recordPositions([reported('ann', 3)]);
    await tell();
    await current.log().recordPositions([reported('ann', 4), reported('bob', 3)]);
    await tell();
    const ids = (await all(current.log())).events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^evt_[0-9a-f]{32}$/);
  });
}

function presenceContract(current: Current): void {
  const change = (userId: string, isOnline: boolean, atMs = 1) => ({ userId: userId as UserId, isOnline, atMs });

  test('[W8] going online and offline are events; a user who is online already has no further event', async () => {
    await current.log().recordPresence([change('ann', true), change('bob', true), change('ann', true)], 'run 1');
    await current.log().recordPresence([change('ann', false)], 'run 1');
    expect(await told(current.log())).toEqual(['user.online ann', 'user.online bob', 'user.offline ann']);
  });

  test('[W8] users reported online are known after a reopen, and go offline with one event', async () => {
    const users = (after?: string) => current.log().reportedOnline({ after: after as UserId | undefined, limit: 2 });
    await current.log().recordPresence([change('bob', true), change('cyd', true), change('ann', true)], 'run 1');
    await current.reopen();
    expect(await users()).toEqual(['ann', 'bob'] as UserId[]);
    expect(await users('bob')).toEqual(['cyd'] as UserId[]);
    await current.log().recordPresence([change('ann', true, 2)], 'run 2');
    for (let time = 0; time < 2; time++)
      await current.log().recordPresence([change('bob', false, 3), change('dan', false, 3)], 'run 2');
    expect(await users()).toEqual(['ann', 'cyd'] as UserId[]);
    const online = ['user.online bob', 'user.online cyd', 'user.online ann'];
    expect(await told(current.log())).toEqual([...online, 'user.offline bob']);
  });
}

function retentionContract(current: Current): void {
  const bytesMax = Number.MAX_SAFE_INTEGER;

  test('[W2] events before the requested time are removed; only readers before their end receive a gap', async () => {
    await current.log().append({ events: [...events(3, { atMs: 10 }), ...events(2, { atMs: 20 })] });
    expect(await current.log().retain({ beforeMs: 15, bytesMax })).toBe(false);
    for (const isReopened of [false, true]) {
      if (isReopened) await current.reopen();
      for (const [after, hasGap] of [
        [0, true],
        [2, true],
        [3, false],
        [4, false],
      ] as const)
        expect((await current.log().read({ after, limit: 10 })).hasGap).toBe(hasGap);
      expect((await all(current.log())).events.map(({ position }) => position)).toEqual([4, 5]);
      expect(await current.log().ends()).toMatchObject({ removedThrough: 3, end: 5, oldestMs: 20 });
    }
  });

  test('[W2] beyond the bound in bytes the oldest events are removed, and positions continue', async () => {
    await current.log().append({ events: events(10) });
    const { bytes } = await current.log().ends();
    await current.reopen();
    await current.log().retain({ beforeMs: 0, bytesMax: bytes / 2 });
    expect((await current.log().ends()).bytes).toBeLessThanOrEqual(bytes / 2);
    expect((await all(current.log())).events.map(({ position }) => position)).toEqual([6, 7, 8, 9, 10]);
    await current.log().retain({ beforeMs: 0, bytesMax: 1 });
    expect(await current.log().ends()).toMatchObject({ removedThrough: 10, end: 10, oldestMs: undefined });
    await current.log().append({ events: events(1) });
    expect((await all(current.log())).events.map(({ position }) => position)).toEqual([11]);
  });
}
