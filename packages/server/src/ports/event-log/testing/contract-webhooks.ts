// The part of the contract about endpoints and deliveries.

import { expect, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import type { Claim } from '../claims.ts';
import type { Attempt, DeadLetter, Parked, Settlement } from '../webhooks.ts';
import { claimOf } from './contract-claims.ts';
import { type Current, endpoint, events } from './drafts.ts';

const settlement = (claim: Claim, draft: Partial<Settlement> = {}): Settlement => ({
  ...{ endpointId: 'wh_1', claim },
  progress: { cursor: 5, failures: 2, failingSinceMs: 9, pausedUntilMs: 8 },
  ...{ parked: [], unparked: [], attempts: [], dead: [] },
  ...draft,
});
const parked = (position: number, attempts = 0): Parked => ({ position, lane: 'g:1', attempts, nextMs: 77 });
const attempt = (position: number): Attempt => ({
  ...{ position, eventId: `evt_${position}`, type: 'message.created', atMs: 3 },
  ...{ durationMs: 4, status: 500, error: 'HTTP 500' },
});
const dead = (position: number): DeadLetter => ({
  ...{ position, eventId: `evt_${position}`, type: 'message.created', lane: 'g:1' },
  ...{ attempts: 12, error: 'HTTP 500', atMs: 5 },
});

export function webhooksContract(current: Current): void {
  test('endpoints are added, changed and removed, and survive a reopen', async () => {
    const [first, second] = [endpoint(), endpoint({ id: 'wh_2', types: ['message.created', 'user.online'] })];
    await current.log().addEndpoint(first);
    await current.log().addEndpoint(second);
    await current.reopen();
    expect(await current.log().endpoints()).toEqual([first, second]);
    const oldSecret = { secret: first.secret, untilMs: 99 };
    const change = {
      secret: 'whsec_new',
      oldSecret,
      isEnabled: false,
      disabledReason: 'gone',
      types: ['user.online'],
    } as const;
    expect(await current.log().changeEndpoint('wh_1', change)).toBe(true);
    expect(await current.log().endpoints()).toEqual([{ ...first, ...change }, second]);
    expect(await current.log().removeEndpoint('wh_1')).toBe(true);
    expect(await current.log().endpoints()).toEqual([second]);
    expect(await current.log().removeEndpoint('wh_1')).toBe(false);
    expect(await current.log().changeEndpoint('wh_1', { url: 'x' })).toBe(false);
  });

  test('settlements survive a reopen, and are removed with their endpoint', async () => {
    await current.log().addEndpoint(endpoint());
    await current.log().addEndpoint(endpoint({ id: 'wh_2' }));
    const claim = await claimOf(current, 'wh_1');
    const attempts = [attempt(2), attempt(3)];
    await current.log().settle(settlement(claim, { parked: [parked(2, 1), parked(4)], attempts }));
    await current.log().settle(settlement(claim, { parked: [parked(2, 2)], unparked: [4], dead: [dead(1)] }));
    await current.reopen();
    const log = current.log();
    expect((await log.endpoints())[0]?.progress).toEqual(settlement(claim).progress);
    expect(await log.parked('wh_1')).toEqual([parked(2, 2)]);
    expect(await log.attempts('wh_1', 1)).toEqual([attempt(3)]);
    expect(await log.attempts('wh_1', 9)).toEqual([attempt(3), attempt(2)]);
    expect(await log.deadLetters('wh_1', 9)).toEqual([dead(1)]);
    expect(await log.counts('wh_1')).toEqual({ parked: 1, dead: 1 });
    expect(await log.counts('wh_2')).toEqual({ parked: 0, dead: 0 });
    await log.removeEndpoint('wh_1');
    await log.addEndpoint(endpoint());
    expect(await log.counts('wh_1')).toEqual({ parked: 0, dead: 0 });
    // The endpoint was removed while its deliveries were in flight.
    const gone = await claimOf(current, 'wh_9');
    await log.settle(settlement(gone, { endpointId: 'wh_9', parked: [parked(1)] }));
  });

  test('the last hundred attempts are stored', async () => {
    await current.log().addEndpoint(endpoint());
    const attempts = Array.from({ length: 150 }, (_, index) => attempt(index));
    const claim = await claimOf(current, 'wh_1');
    for (const one of attempts) await current.log().settle(settlement(claim, { attempts: [one] }));
    const kept = await current.log().attempts('wh_1', 1_000);
    expect(kept.map(({ position }) => position)).toEqual(
      attempts
        .slice(50)
        .map(({ position }) => position)
        .reverse(),
    );
  });

  test('a pause ends when the endpoint gets another URL or is enabled again', async () => {
    await current.log().addEndpoint(endpoint());
    const pausedUntilMs = async () => (await current.log().endpoints())[0]?.progress.pausedUntilMs;
    for (const change of [{ url: 'https://other.example.org/' }, { isEnabled: true }]) {
      await current.log().settle(settlement(await claimOf(current, 'wh_1')));
      await current.log().changeEndpoint('wh_1', { types: ['user.online'] });
      expect(await pausedUntilMs()).toBe(8);
      await current.log().changeEndpoint('wh_1', change);
      expect(await pausedUntilMs()).toBe(0);
    }
  });

  test('[W9] a replay sets the cursor back, and earlier parked events stay parked', async () => {
    await current.log().append({ events: events(5) });
    await current.log().addEndpoint(endpoint());
    await current.log().settle(settlement(await claimOf(current, 'wh_1'), { parked: [parked(1), parked(4)] }));
    expect(await current.log().replay('wh_1', 2)).toBe(true);
    expect((await current.log().endpoints())[0]?.progress).toEqual({
      ...{ cursor: 2, failures: 0, failingSinceMs: 0, pausedUntilMs: 0 },
    });
    expect(await current.log().parked('wh_1')).toEqual([parked(1)]);
    expect(await current.log().replay('wh_9', 2)).toBe(false);
  });

  test('[W9] dead letters are parked again, one or all', async () => {
    await current.log().addEndpoint(endpoint());
    await current.log().settle(settlement(await claimOf(current, 'wh_1'), { dead: [dead(1), dead(2), dead(3)] }));
    const request = { endpointId: 'wh_1', nowMs: 77 };
    expect(await current.log().replayDead({ ...request, position: 2 })).toBe(1);
    expect(await current.log().parked('wh_1')).toEqual([parked(2)]);
    expect(await current.log().replayDead(request)).toBe(2);
    expect(await current.log().parked('wh_1')).toEqual([parked(1), parked(2), parked(3)]);
    expect(await current.log().deadLetters('wh_1', 9)).toEqual([]);
    expect(await current.log().replayDead(request)).toBe(0);
  });

  test('[W4] every change of an endpoint ends the claim of its sender, whose late settlements are rejected', async () => {
    await current.log().append({ events: events(5) });
    await current.log().addEndpoint(endpoint());
    const heard: string[] = [];
    const stop = current.log().onEndpointChanged((endpointId) => heard.push(endpointId));
    for (const change of [
      () => current.log().changeEndpoint('wh_1', { url: 'https://other.example.org/' }),
      () => current.log().replay('wh_1', 2),
      () => current.log().replayDead({ endpointId: 'wh_1', nowMs: 1 }),
    ]) {
      const claim = await claimOf(current, 'wh_1');
      await change();
      expect(await current.log().held([claim])).toEqual([]);
      const late = current.log().settle(settlement(claim, { parked: [parked(1)] }));
      expect(await rejectionOf(late)).toMatchObject({ name: 'ClaimLost', code: 'unavailable' });
      await current.log().recordAttempts('wh_1', [attempt(4)]);
    }
    expect((await current.log().endpoints())[0]?.progress.cursor).toBe(2);
    expect(await current.log().parked('wh_1')).toEqual([]);
    expect(await current.log().attempts('wh_1', 9)).toEqual([attempt(4), attempt(4), attempt(4)]);
    const last = await claimOf(current, 'wh_1');
    await current.log().removeEndpoint('wh_1');
    expect(await current.log().held([last])).toEqual([]);
    await current.log().addEndpoint(endpoint());
    stop();
    await current.log().removeEndpoint('wh_1');
    expect(heard).toEqual(Array(5).fill('wh_1'));
  });
}
