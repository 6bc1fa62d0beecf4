// [O33] The configuration in force, for operators: each option with its value and the source of the value. No option is a secret;
// user and password in a URL are hidden.

import { ok } from '@hongyan/base/result';
import type { LiveConfig } from '../../config/live-config.ts';
import { type Config, camelCase, options } from '../../config/options.ts';
import type { OperatorRoute } from '../../roles/operator/route.ts';

export const configurationRoute = (live: Pick<LiveConfig, 'config' | 'sources'>): OperatorRoute => ({
  method: 'GET',
  path: '/admin/v1/configuration',
  handle() {
    const { config, sources } = live;
    return ok({
      options: options.map((option) => ({
        name: option.name,
        value: shown(config[camelCase(option.name) as keyof Config]),
        default: option.default,
        source: sources[option.name] ?? 'default',
        ...('unit' in option ? { unit: option.unit } : {}),
        description: option.description,
      })),
    });
  },
});

function shown(value: string | number | boolean): string | number | boolean {
  return typeof value === 'string' ? value.replace(/(:\/\/)[^/,]*@/g, '$1…@') : value;
}
