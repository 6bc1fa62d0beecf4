// Classifies errors of Redis: failures of the environment, which callers may retry, and bugs.

import { StoreFailure } from '@hongyan/base/result';

/** Replies by which a server says that it, or its Cluster, cannot serve the command now. */
const unavailableReply =
  /^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|MOVED|ASK|OOM|MISCONF|BUSY|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM)\b/;
/** The library's messages for a missing connection. */
const connectionLost =
  /connection is closed|connection close|isn't writeable|isn't ready|is disconnect|socket timeout|command timed out|all nodes|startup nodes|cluster.*(ended|closed)|max retries|too many cluster redirections|ETIMEDOUT/i;

/** A StoreFailure for failures of the environment. Other errors are bugs, and are returned unchanged. */
export function redisFailure(error: unknown): unknown {
  if (error instanceof StoreFailure || !(error instanceof Error)) return error;
  if (!isEnvironment(error)) return error;
  return new StoreFailure('unavailable', `Redis: ${error.message}`, { cause: error });
}

/** Whether a server rejected the user or the password. */
export const isLoginRefused = (message: string): boolean => /\b(NOAUTH|WRONGPASS|NOPERM|ERR AUTH)\b/.test(message);

/** The server does not know the script: it was restarted, or its scripts were flushed. */
export const isUnknownScript = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT');

function isEnvironment(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return true;
  return unavailableReply.test(error.message) || connectionLost.test(error.message);
}
