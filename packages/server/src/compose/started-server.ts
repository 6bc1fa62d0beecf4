// A started server of any profile, as hongyan start uses it.

import type { Log, LogLevels } from '@hongyan/base/log';
import type { Loaded, Source } from '../config/load.ts';
import type { Surroundings } from './surroundings.ts';

export interface StartedServer {
  /** Where clients of this machine connect. Absent: this process has no gateway. */
  readonly url: string | undefined;
  /** Absent: there is no operator listener. */
  readonly operatorUrl: string | undefined;
  /** Resolves when the server can no longer serve and has to be stopped. */
  readonly died: Promise<void>;
  /** Resolves when hongyan migrate requests the store: the server has to be stopped. */
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
  /** The source of each option's value, shown to operators. */
  readonly sources?: Readonly<Record<string, Source>>;
  /** Reads flags, environment and file again. */
  readonly readConfig?: () => Loaded;
}
