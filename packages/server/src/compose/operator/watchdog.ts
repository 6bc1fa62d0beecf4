// The watchdog of this process, as configured.

import type { Config } from '../../config/options.ts';
import { Watchdog, type WatchdogOptions } from '../../profiles/watchdog.ts';

export function openWatchdog(
  config: Config,
  { clock, ackSeconds, onPassed }: Pick<WatchdogOptions, 'clock' | 'ackSeconds' | 'onPassed'>,
): Watchdog {
  return new Watchdog({
    lagMs: config.watchdogLagMs,
    memoryGrowthBytes: config.watchdogGrowthBytesMax,
    ackP99Ms: config.watchdogSlowAckMs,
    ackSeconds,
    clock,
    residentBytes: () => process.memoryUsage.rss(),
    onPassed,
  });
}
