// What the core's process and a gateway process send each other beside the link: begin, stop, and whether the event loop turns.

import type { LogLevel } from '@hongyan/base/log';
import type { Result } from '@hongyan/protocol/refusals';
import type { Config } from '../../config/options.ts';
import type { ThreadCpu, ThreadHeap } from '../../profiles/profiled-process.ts';
import type { DrainTimes } from '../embedded/hand-over.ts';

/** First word of the command line that makes this program a gateway process. Of no use on a terminal: it waits for `begin`. */
export const gatewayProcessWord = 'gateway-process';

export type ToGatewayProcess =
  /** `config` as the core's process has it, with the real port in `listen`; `operatorPath`: the socket on which it answers operators. */
  | {
      readonly type: 'begin';
      readonly config: Config;
      readonly node: string;
      readonly socketPath: string;
      readonly operatorPath: string;
    }
  /** Asks for `alive`. */
  | { readonly type: 'ask' }
  /** From now on; sent when it is ready, and with each change. An operator may have set another level than is configured. */
  | { readonly type: 'in_force'; readonly level: LogLevel; readonly config: Config }
  /** Asks for `profiled` with the same id. */
  | { readonly type: 'profile'; readonly id: number; readonly request: ProfileRequest }
  /** Ends the CPU profile of this id early. */
  | { readonly type: 'end_profile'; readonly id: number }
  /** Drain, then exit. `isRelieved`: another process accepts on the same port. */
  | { readonly type: 'stop'; readonly isRelieved: boolean; readonly drain: DrainTimes };

export type FromGatewayProcess =
  /** `certificateEndsAtMs`: of the one that clients are shown; absent without TLS. */
  | { readonly type: 'ready'; readonly certificateEndsAtMs?: number | undefined }
  | { readonly type: 'alive' }
  | { readonly type: 'profiled'; readonly id: number; readonly result: ProfileResult }
  /** Its watchdog found a threshold passed. */
  | { readonly type: 'passed'; readonly detail: string }
  /** It exits next. */
  | { readonly type: 'failed'; readonly message: string };

export type Begin = Extract<ToGatewayProcess, { readonly type: 'begin' }>;

export type ProfileRequest =
  | { readonly type: 'cpu'; readonly seconds: number }
  | { readonly type: 'heap'; readonly isFull: boolean }
  | { readonly type: 'snapshot'; readonly file: string };

export type ProfileResult = Result<readonly ThreadCpu[] | readonly ThreadHeap[] | undefined>;
