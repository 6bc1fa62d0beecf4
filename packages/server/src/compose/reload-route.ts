// The route by which operators have the configuration read again.

import type { LogLevel, LogLevels } from '@hongyan/base/log';
import type { LiveConfig, ReloadReport } from '../config/live-config.ts';
import type { OperatorRoute } from '../roles/operator/route.ts';

/** [B3] `onChanged`: processes beside this one are to be told. */
export function reloadRoute(
  live: LiveConfig,
  { levels, onChanged }: { readonly levels: LogLevels; readonly onChanged?: () => void },
): OperatorRoute {
  return {
    method: 'POST',
    path: '/admin/v1/config/reload',
    handle() {
      const report = live.reload();
      if (report.type !== 'ok') return report;
      const { changed } = report.value;
      if (changed.includes('log-level')) levels.level = live.config.logLevel as LogLevel;
      if (changed.length > 0) onChanged?.();
      return report;
    },
  };
}

/** Of several processes, each with a configuration of its own. */
export const joinedReports = (reports: readonly ReloadReport[]): ReloadReport => ({
  changed: [...new Set(reports.flatMap(({ changed }) => changed))],
  needs_restart: [...new Set(reports.flatMap(({ needs_restart }) => needs_restart))],
});
