// The runtime's CPU sampler of the thread that this runs on: one recording at a time.

import type { Session } from 'node:inspector';
import { assert } from '@hongyan/base/assert';
import type { CpuProfile } from '@hongyan/profile/cpu-profile';

/** Often enough for functions that run a few milliseconds a second; a sample costs some microseconds. */
const intervalUs = 1000;

export class CpuSampler {
  #session: Session | undefined;

  /** Loads the inspector when it is first needed: who never profiles does not pay for it. */
  async start(): Promise<void> {
    assert(this.#session === undefined, 'one recording at a time');
    const { Session } = await import('node:inspector');
    const session = new Session();
    session.connect();
    this.#session = session;
    await post(session, 'Profiler.enable');
    await post(session, 'Profiler.setSamplingInterval', { interval: intervalUs });
    await post(session, 'Profiler.start');
  }

  async stop(): Promise<CpuProfile> {
    const session = this.#session;
    assert(session, 'a recording is stopped after it was started');
    try {
      const { profile } = (await post(session, 'Profiler.stop')) as { readonly profile: CpuProfile };
      return withoutSampler(profile);
    } finally {
      this.#session = undefined;
      session.disconnect();
    }
  }
}

/** While a recording is made into a profile, which may take a while, the sampler sees its own stop. */
function withoutSampler(profile: CpuProfile): CpuProfile {
  const own = new Set<number>();
  for (const { id, callFrame, children = [] } of profile.nodes) {
    if (callFrame.url.endsWith('cpu-sampler.ts')) own.add(id);
    // A parent stands before its children.
    if (own.has(id)) for (const child of children) own.add(child);
  }
  const kept = profile.samples.map((id) => !own.has(id));
  return {
    ...profile,
    samples: profile.samples.filter((_id, index) => kept[index]),
    timeDeltas: profile.timeDeltas.filter((_delta, index) => kept[index]),
  };
}

function post(session: Session, method: string, params: Record<string, unknown> = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, params, (error, result) => (error ? reject(error) : resolve(result)));
  });
}
