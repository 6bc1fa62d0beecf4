// The part of the contract about who does what.

import { expect, test } from 'bun:test';
import { type Claim, recordJob, sendJob } from '../claims.ts';
import type { Current } from './drafts.ts';

const ttlMs = 60_000;

export function claimsContract(current: Current): void {
  const claim = (...jobs: string[]) => current.log().claim({ jobs, ttlMs });

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
    expect(await current.log().renew([], ttlMs)).toEqual([]);
  });
}

export async function claimOf({ log }: Current, endpointId: string): Promise<Claim> {
  const [claim] = await log().claim({ jobs: [sendJob(endpointId)], ttlMs });
  return claim ?? never();
}

function never(): never {
  throw new Error('there is a claim');
}
