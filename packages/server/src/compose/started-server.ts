// A server as its command sees it, whatever profile it runs on.

import type { Log, LogLevels } from '@hongyan/base/log';
import type { Loaded, Source } from '../config/load.ts';
import type { Surroundings } from './surroundings.ts';

export interface StartedServer {
  /** Where clients of this machine connect. Absent: this process has no gateway. */
  readonly url: string | undefined;
  /** Absent: operators are not listened to. */
  readonly operatorUrl: string | undefined;
  /** Resolves when it can serve no longer and has to be stopped. */
  readonly died: Promise<void>;
  /** Resolves when its store is to be moved away, and it has to be stopped so that another process takes it. */
  readonly handedOver: Promise<void>;
  /** Drains: closes connections, finishes accepted sends, closes the stores. */
  stop(): Promise<void>;
  /** [O22] Replaces the gateway processes one after another. Rejects where there are none: then a restart is a stop and a start. */
  roll(): Promise<void>;
}

export interface StartSurroundings extends Omit<Surroundings, 'metrics'> {
  readonly log: Log & LogLevels;
  /** The command that runs this program again, for processes beside this one. */
  readonly program: readonly string[];
  /** Where each option's value came from, for operators to see. */
  readonly sources?: Readonly<Record<string, Source>>;
  /** The configuration as it is where it comes from: flags, environment, file. */
  readonly readConfig?: () => Loaded;
}
