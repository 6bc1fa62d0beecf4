// Profiles that are kept: listed, taken, fetched, and taken by an alert.

import { ok } from '@hongyan/base/result';
import { refusal } from '@hongyan/protocol/refusals';
import Type, { type Static } from 'typebox';
import type { Captures } from '../../profiles/captures.ts';
import type { ProfileFiles, ProfileRecord } from '../../profiles/profile-files.ts';
import { addressedTo, askEach, inNamedProcess, type Processes, type ServerProcess } from './processes.ts';
import type { OperatorAnswer, OperatorRequest, OperatorRoute } from './route.ts';

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

/** Of the others, whose lists and files are small. */
const askTimeoutMs = 5_000;

/** `keepers`: processes that keep what they took themselves, as those of a cluster do. Asked without `?process=`, this one answers for all. */
export function profileRoutes(
  captures: Captures,
  files: ProfileFiles,
  keepers: Processes | undefined,
): readonly OperatorRoute[] {
  const list = async () => ({
    profiles: await files.list(),
    processes: captures.processes.map(({ name }) => name),
  });
  return [
    ofAll(
      {
        method: 'GET',
        path: '/admin/v1/profiles',
        handle: async () => ok(await list()),
      },
      keepers,
      async (others) => ok(joined(await list(), await askEach(others, (other) => askAt(other, '/admin/v1/profiles')))),
    ),
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
    whereKept(
      {
        method: 'GET',
        path: '/admin/v1/profiles/:id',
        async handle({ params: { id = '' } }) {
          const record = await files.get(id);
          return record ? ok(record) : noSuchProfile(id);
        },
      },
      keepers,
    ),
    whereKept(
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
      keepers,
    ),
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

/** Without `?process=`: the answer of all, where others keep profiles too. */
const ofAll = (
  route: OperatorRoute,
  keepers: Processes | undefined,
  answerOfAll: (others: readonly ServerProcess[], request: OperatorRequest) => Promise<OperatorAnswer>,
): OperatorRoute =>
  keepers === undefined
    ? route
    : inNamedProcess(
        {
          ...route,
          handle: (request) =>
            request.query.has('process') ? route.handle(request) : answerOfAll(keepers.others(), request),
        },
        keepers,
      );

/** The process that has the profile answers. */
const whereKept = (route: OperatorRoute, keepers: Processes | undefined): OperatorRoute =>
  ofAll(route, keepers, async (others, request) => {
    const own = await route.handle(request);
    if (own instanceof Response || own.type === 'ok') return own;
    // One that does not answer may have it; whoever asks again learns it.
    const answers = await Promise.all(others.map((other) => askAt(other, request.path).catch(() => undefined)));
    return answers.find((answer) => answer?.ok) ?? own;
  });

const askAt = (process: ServerProcess, path: string): Promise<Response> =>
  process.fetch(addressedTo(process, path), { signal: AbortSignal.timeout(askTimeoutMs) });

interface ProfileList {
  readonly profiles: readonly ProfileRecord[];
  /** That can be profiled. */
  readonly processes: readonly string[];
  /** Those that did not say what they keep; absent where all did. */
  readonly silent?: readonly string[];
}

/** Newest first. */
function joined(own: ProfileList, others: Awaited<ReturnType<typeof askEach>>): ProfileList {
  const silent = others.flatMap(([name, answer]) => (answer === undefined ? [name] : []));
  const profiles = [own, ...others.map(([, answer]) => answer as ProfileList | undefined)]
    .flatMap((list) => list?.profiles ?? [])
    .toSorted((one, other) => other.taken_at - one.taken_at);
  return { ...own, profiles, ...(silent.length === 0 ? {} : { silent }) };
}

const noSuchProfile = (id: string) => refusal.noSuch(`profile ${id.slice(0, 128)}: see GET /admin/v1/profiles`);
