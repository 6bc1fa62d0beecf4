// What went wrong in Redis, told apart: the environment's failures, which pass, and bugs, which do not.

import { StoreFailure } from '@hongyan/base/result';

/** Replies by which a server says that it, or its Cluster, cannot serve the command now. */
const unavailableReply =
  /^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|MOVED|ASK|OOM|MISCONF|BUSY|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM)\b/;
/** What the library says of a connection that is not there. */
const connectionLost =
  /connection is closed|connection close|isn't writeable|isn't ready|is disconnect|socket timeout|command timed out|all nodes|startup nodes|cluster.*(ended|closed)|max retries|too many cluster redirections|ETIMEDOUT/i;

/** A StoreFailure for what the environment did; what remains is a bug, as it is. */
export function redisFailure(error: unknown): unknown {
  if (error instanceof StoreFailure || !(error instanceof Error)) return error;
  if (!isEnvironment(error)) return error;
  return new StoreFailure('unavailable', `Redis: ${error.message}`, { cause: error });
}

/** By what a server says to a user or a password that it does not know. */
export const isLoginRefused = (message: string): boolean => /\b(NOAUTH|WRONGPASS|NOPERM|ERR AUTH)\b/.test(message);

/** The script is not known to the server: it was restarted, or its scripts were flushed. */
export const isUnknownScript = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT');

function isEnvironment(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return true;
  return unavailableReply.test(error.message) || connectionLost.test(error.message);
}
