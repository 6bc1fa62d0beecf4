// The profiler of this server: its processes, the watchdog, and the folder of stored profiles.

import { dataLayout } from '../../config/data-layout.ts';
import type { Config } from '../../config/options.ts';
import { Captures } from '../../profiles/captures.ts';
import { ProcessProfiler } from '../../profiles/process-profiler.ts';
import { ProfileFiles } from '../../profiles/profile-files.ts';
import type { ProfiledProcess } from '../../profiles/profiled-process.ts';
import type { ProfiledThreads } from '../../profiles/profiled-threads.ts';
import type { WatchdogOptions } from '../../profiles/watchdog.ts';
import { pprofRoutes } from '../../roles/operator/pprof.ts';
import type { Processes } from '../../roles/operator/processes.ts';
import { profileRoutes } from '../../roles/operator/profiles.ts';
import type { OperatorRoute } from '../../roles/operator/route.ts';
import { threadProfileRoutes } from '../../roles/operator/thread-profiles.ts';
import type { Surroundings } from '../surroundings.ts';
import { openWatchdog } from './watchdog.ts';

export interface ProfileParts {
  /** Of this process. */
  readonly name: string;
  readonly threads: ProfiledThreads;
  /** The processes beside this one that run now. */
  readonly others: () => readonly ProfiledProcess[];
  /** In a cluster: the processes that store profiles of their own. */
  readonly keepers?: Processes | undefined;
  /** Of the gateway in this process, where there is one. */
  readonly ackSeconds: WatchdogOptions['ackSeconds'];
}

export interface OpenProfiles {
  readonly routes: readonly OperatorRoute[];
  /** Of this process alone, for those beside it. */
  readonly threadRoutes: readonly OperatorRoute[];
  /** A watchdog reports that a threshold is exceeded. */
  readonly onPassed: (process: string, detail: string) => void;
  close(): Promise<void>;
}

export function openProfiles(
  config: Config,
  { log, clock }: Surroundings,
  { name, threads, others, keepers, ackSeconds }: ProfileParts,
): OpenProfiles {
  const own = new ProcessProfiler({ name, threads, clock });
  const { profiles: folder } = dataLayout(config.data);
  const files = new ProfileFiles({ folder, countMax: config.profilesMax, bytesMax: config.profilesBytesMax, log });
  const captures = new Captures({
    files,
    processes: () => [own, ...others()],
    seconds: config.profileLengthS,
    pauseMs: config.profilePauseS * 1000,
    clock,
    log,
  });
  const onPassed = (process: string, detail: string) =>
    void captures.automatic({ type: 'watchdog', detail }, [process]);
  const watchdog = openWatchdog(config, { clock, ackSeconds, onPassed: (detail) => onPassed(name, detail) });
  return {
    routes: [...pprofRoutes(captures, clock), ...profileRoutes(captures, files, keepers)],
    threadRoutes: threadProfileRoutes(own),
    onPassed,
    async close() {
      watchdog.close();
      await captures.close();
    },
  };
}
