// The core for gateways in other processes, with rate limits. All gateways share a user's bucket, so the limits are checked here, at the
// core's end of the link, in the order in which the requests of a connection arrive.

import { andThen } from '@hongyan/base/maybe-promise';
import { type OperationName, operations } from '@hongyan/protocol/operations/operations';
import type { Result } from '@hongyan/protocol/refusals';
import type { Caller, Core, CoreOperations } from '../../ports/core/core.ts';
import type { Allowed, CallerLimits } from './caller-limits.ts';

export function limitedCore(core: Core, { check }: Pick<CallerLimits, 'check'>): Core {
  const limited = <C extends Caller, I, O>(
    name: OperationName,
    handle: (caller: C, input: I) => Promise<Result<O>>,
  ) => {
    const ifAllowed = (allowed: Allowed, caller: C, input: I): Promise<Result<O>> =>
      allowed.type === 'ok' ? handle.call(core, caller, input) : Promise.resolve(allowed);
    return (caller: C, input: I): Promise<Result<O>> => andThen(check(name, caller), ifAllowed, caller, input);
  };
  const handlers = Object.entries(operations)
    .filter(([name, { needs }]) => needs !== 'nothing' && Object.hasOwn(core, name))
    .map(([name]) => {
      const handle = core[name as keyof CoreOperations] as (caller: Caller, input: unknown) => Promise<Result<unknown>>;
      return [name, limited(name as OperationName, handle)];
    });
  return {
    ...core,
    ...(Object.fromEntries(handlers) as Partial<CoreOperations>),
    async openSession(opening) {
      const allowed = await check('hello', opening.caller);
      return allowed.type === 'ok' ? core.openSession(opening) : allowed;
    },
  };
}
