// The route that reloads the configuration.

import type { LogLevel, LogLevels } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import { refusal } from '@hongyan/protocol/refusals';
import type { LiveConfig, ReloadReport } from '../../config/live-config.ts';
import type { OptionName } from '../../config/options.ts';
import type { OperatorRoute } from '../../roles/operator/route.ts';

/** Files named by options, read and validated. */
export interface Renewal {
  /** The options whose files have changed. */
  readonly changed: readonly OptionName[];
  apply(): void;
}

interface ReloadRouteOptions {
  readonly levels: LogLevels;
  /** Notifies the gateway processes. */
  readonly onChanged?: () => void;
  /** Rejects with the name of the file and what is wrong with it. */
  readonly readFiles?: (() => Promise<Renewal>) | undefined;
}

/** [B3] A mistake, in the configuration or in a file, changes nothing. */
export function reloadRoute(live: LiveConfig, { levels, onChanged, readFiles }: ReloadRouteOptions): OperatorRoute {
  return {
    method: 'POST',
    path: '/admin/v1/config/reload',
    async handle() {
      let renewal: Renewal | undefined;
      try {
        renewal = await readFiles?.();
      } catch (error) {
        return refusal.invalid(`configuration unchanged: ${error instanceof Error ? error.message : error}`);
      }
      const report = live.reload();
      if (report.type !== 'ok') return report;
      renewal?.apply();
      const { changed, needs_restart } = report.value;
      if (changed.includes('log-level')) levels.level = live.config.logLevel as LogLevel;
      if (changed.length > 0) onChanged?.();
      return ok({ changed: [...changed, ...(renewal?.changed ?? [])], needs_restart });
    },
  };
}

/** Joins the reports of several processes, each with its own configuration. */
export const joinedReports = (reports: readonly ReloadReport[]): ReloadReport => ({
  changed: [...new Set(reports.flatMap(({ changed }) => changed))],
  needs_restart: [...new Set(reports.flatMap(({ needs_restart }) => needs_restart))],
});
