// A running server as its operator reaches it: the listener's address and token, from the data folder.

import { findRunning } from '@hongyan/server/compose/commands/running-file';
import { readOperatorToken } from '@hongyan/server/config/operator-token';
import { until } from '@hongyan/testing/until';

export interface Operator {
  readonly url: string;
  readonly token: string;
  /** As the bearer of the token. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** Resolves when every part of the server is ready: clients may be served by one gateway process while another one starts. */
export async function operatorOf(dataDir: string): Promise<Operator> {
  const url = (await findRunning(dataDir))?.operatorUrl;
  if (url === undefined) throw new Error(`the server on ${dataDir} has no operator listener`);
  const token = await readOperatorToken(dataDir);
  await until(async () => {
    const readiness = await (await fetch(`${url}/readyz`)).json();
    return readiness.status === 'ready' && (readiness.checks.gateways?.status ?? 'ok') === 'ok';
  });
  const authorization = `Bearer ${token}`;
  return {
    url,
    token,
    fetch: (path, init = {}) => fetch(`${url}${path}`, { ...init, headers: { ...init.headers, authorization } }),
  };
}
