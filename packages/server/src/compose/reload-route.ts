// The route by which operators have the configuration read again.

import type { LogLevel, LogLevels } from '@hongyan/base/log';
import type { LiveConfig } from '../config/live-config.ts';
import type { OperatorRoute } from '../roles/operator/route.ts';

/** [B3] The level that a reload finds is sent to processes beside this one as one that an operator sets. */
export function reloadRoute(live: LiveConfig, levels: LogLevels): OperatorRoute {
  return {
    method: 'POST',
    path: '/admin/v1/config/reload',
    handle() {
      const report = live.reload();
      if (report.type === 'ok' && report.value.changed.includes('log-level'))
        levels.level = live.config.logLevel as LogLevel;
      return report;
    },
  };
}
