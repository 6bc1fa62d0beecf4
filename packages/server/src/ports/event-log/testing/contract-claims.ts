// The part of the contract about claims.

import { expect, test } from 'bun:test';
import { type Claim, recordJob, sendJob, workerJob } from '../claims.ts';
import type { Current } from './drafts.ts';

const ttlMs = 60_000;

export function claimsContract(current: Current): void {
  const claim = (...jobs: string[]) => current.log().claim({ jobs, limit: 10, ttlMs });

  test('[W4] a job is claimed once, until its claim is released', async () => {
    const claims = await claim(sendJob('wh_1'), recordJob);
    expect(claims.map(({ job }) => job).toSorted()).toEqual([recordJob, sendJob('wh_1')]);
    expect((await claim(sendJob('wh_1'), sendJob('wh_2'))).map(({ job }) => job)).toEqual([sendJob('wh_2')]);
    expect(await current.log().held(claims)).toHaveLength(2);
    const sending = claims.filter(({ job }) => job === sendJob('wh_1'));
    await current.log().release(sending);
    expect(await current.log().held(sending)).toEqual([]);
    expect((await current.log().renew(claims, ttlMs)).map(({ job }) => job)).toEqual([recordJob]);
    const [again] = await claim(sendJob('wh_1'), recordJob);
    expect(again).toMatchObject({ job: sendJob('wh_1') });
    expect(again?.epoch).toBeGreaterThan(sending[0]?.epoch ?? 0);
    // What ended is not given back a second time, in the name of the next one.
    await current.log().release(sending);
    expect(await current.log().held([again ?? never()])).toHaveLength(1);
    expect(await claim()).toEqual([]);
    expect(await current.log().claim({ jobs: [sendJob('wh_3')], limit: 0, ttlMs })).toEqual([]);
    expect(await current.log().renew([], ttlMs)).toEqual([]);
  });

  test('[W4] at most the requested number of free jobs is claimed', async () => {
    const jobs = ['a', 'b', 'c', 'd'].map(sendJob);
    await claim(jobs[0] ?? '');
    const two = await current.log().claim({ jobs, limit: 2, ttlMs });
    expect(two).toHaveLength(2);
    const rest = await current.log().claim({ jobs, limit: 2, ttlMs });
    expect(rest).toHaveLength(1);
    expect([...two, ...rest].map(({ job }) => job).toSorted()).toEqual(jobs.slice(1));
  });

  test('[W4] workers are those whose own job is held, in the order of their names', async () => {
    expect(await current.log().workers()).toEqual([]);
    await claim(recordJob, sendJob('wh_1'));
    const [second] = await claim(workerJob('2'));
    await claim(workerJob('3'));
    await claim(workerJob('1'));
    expect(await current.log().workers()).toEqual(['1', '2', '3']);
    await current.log().release([second ?? never()]);
    expect(await current.log().workers()).toEqual(['1', '3']);
  });
}

export async function claimOf({ log }: Current, endpointId: string): Promise<Claim> {
  const [claim] = await log().claim({ jobs: [sendJob(endpointId)], limit: 1, ttlMs });
  return claim ?? never();
}

function never(): never {
  throw new Error('there is a claim');
}
