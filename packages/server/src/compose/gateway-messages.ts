// What the core's process and a gateway process say to each other beside the link: the beginning, the end, and whether it lives.

import type { Config } from '../config/options.ts';

/** The first word of the command line that makes this program a gateway process. Of no use to people: it waits for `begin`. */
export const gatewayProcessWord = 'gateway-process';

export type ToGatewayProcess =
  /** `config` as the core's process has it, with the real port in `listen`. */
  | { readonly type: 'begin'; readonly config: Config; readonly node: string; readonly socketPath: string }
  /** Whether its event loop still turns. */
  | { readonly type: 'ask' }
  /** Drain, then leave. */
  | { readonly type: 'stop' };

export type FromGatewayProcess =
  | { readonly type: 'ready' }
  | { readonly type: 'alive' }
  /** It will leave. */
  | { readonly type: 'failed'; readonly message: string };
