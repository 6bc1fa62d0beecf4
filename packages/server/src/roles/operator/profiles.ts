// Profiles that are kept: listed, taken, fetched, and taken by an alert.

import { ok } from '@hongyan/base/result';
import { refusal } from '@hongyan/protocol/refusals';
import Type, { type Static } from 'typebox';
import type { Captures } from '../../profiles/captures.ts';
import type { ProfileFiles } from '../../profiles/profile-files.ts';
import type { OperatorRoute } from './route.ts';

const TakeSchema = Type.Object({
  process: Type.Optional(Type.String({ maxLength: 64 })),
  seconds: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 300 })),
});

/** What Alertmanager posts to a webhook, as far as it matters here. */
const AlertsSchema = Type.Object({
  alerts: Type.Array(
    Type.Object({
      status: Type.String({ maxLength: 32 }),
      labels: Type.Record(Type.String(), Type.String({ maxLength: 1024 })),
    }),
    { maxItems: 1000 },
  ),
});

export function profileRoutes(captures: Captures, files: ProfileFiles): readonly OperatorRoute[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/profiles',
      handle: async () => ok({ profiles: await files.list(), processes: captures.processes.map(({ name }) => name) }),
    },
    {
      method: 'POST',
      path: '/admin/v1/profiles',
      isSlow: true,
      async handle({ body, signal }) {
        const input = await body(TakeSchema);
        if (input.type !== 'ok') return input;
        const process = input.value.process ?? captures.processes[0]?.name ?? '';
        const reason = { type: 'manual', detail: 'asked for' } as const;
        return captures.take({ process, seconds: input.value.seconds, reason, signal });
      },
    },
    {
      method: 'GET',
      path: '/admin/v1/profiles/:id',
      async handle({ params: { id = '' } }) {
        const record = await files.get(id);
        return record ? ok(record) : noSuchProfile(id);
      },
    },
    {
      method: 'GET',
      path: '/admin/v1/profiles/:id/:file',
      async handle({ params: { id = '', file = '' } }) {
        const bytes = await files.file(id, file);
        if (!bytes) return noSuchProfile(`${id}/${file}`);
        return new Response(bytes, {
          headers: {
            'content-type': 'application/octet-stream',
            'content-disposition': `attachment; filename="${id}.${file}"`,
          },
        });
      },
    },
    {
      method: 'POST',
      path: '/admin/v1/alerts',
      async handle({ body }) {
        const input = await body(AlertsSchema);
        return input.type === 'ok' ? ok({ profiled: profileForAlerts(captures, input.value) }) : input;
      },
    },
  ];
}

/**
 * [O14] Each firing alert profiles the process that its label `process` names, or all. Answered at once and always well: Alertmanager
 * would repeat what is refused, and a profile of an alert that was repeated says nothing new.
 */
function profileForAlerts(captures: Captures, { alerts }: Static<typeof AlertsSchema>): readonly string[] {
  const known = new Set(captures.processes.map(({ name }) => name));
  return alerts
    .filter(({ status }) => status === 'firing')
    .flatMap(({ labels }) => {
      const detail = (labels.alertname ?? 'an alert without a name').slice(0, 128);
      const named = labels.process !== undefined && known.has(labels.process) ? [labels.process] : undefined;
      return captures.automatic({ type: 'alert', detail }, named);
    });
}

const noSuchProfile = (id: string) => refusal.noSuch(`profile ${id.slice(0, 128)}: see GET /admin/v1/profiles`);
