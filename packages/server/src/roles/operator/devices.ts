// [T13] Registered devices for operators: page by page, one by its token, and how many there are of each model and firmware.

import { ok } from '@hongyan/base/result';
import type { DeviceToken } from '@hongyan/protocol/ids';
import { refusal } from '@hongyan/protocol/refusals';
import { deviceView } from '../../ports/devices/device-view.ts';
import type { DeviceReader } from '../../ports/devices/devices.ts';
import { limitIn, numberIn } from './query.ts';
import type { OperatorRoute } from './route.ts';

const path = '/admin/v1/devices';

export function deviceRoutes(devices: DeviceReader): readonly OperatorRoute[] {
  return [
    {
      method: 'GET',
      path,
      async handle({ query }) {
        const limit = limitIn(query);
        const after = numberIn(query, 'after');
        if (limit.type !== 'ok') return limit;
        if (after.type !== 'ok') return after;
        const page = await devices.list({
          limit: limit.value,
          ...kindOf(query),
          ...(after.value === undefined ? {} : { after: after.value }),
        });
        return ok({ devices: page.devices.map(deviceView), next: page.next });
      },
    },
    {
      method: 'GET',
      path: `${path}/counts`,
      async handle({ query }) {
        const limit = limitIn(query);
        if (limit.type !== 'ok') return limit;
        const { model } = kindOf(query);
        const counts = await devices.counts({ limit: limit.value, ...(model === undefined ? {} : { model }) });
        return ok({ total: await devices.total(), counts });
      },
    },
    {
      method: 'GET',
      path: `${path}/by-token/:device_token`,
      async handle({ params }) {
        const device = await devices.get((params.device_token ?? '') as DeviceToken);
        return device === undefined ? refusal.noSuch('such device') : ok(deviceView(device));
      },
    },
  ];
}

function kindOf(query: URLSearchParams): { readonly model?: string; readonly firmware?: string } {
  const [model, firmware] = [query.get('model'), query.get('firmware')];
  return { ...(model === null ? {} : { model }), ...(firmware === null ? {} : { firmware }) };
}
