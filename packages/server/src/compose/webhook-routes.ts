// Webhooks for operators: routes of the operator listener, used by hongyan webhook and the console.

import { done, ok } from '@hongyan/base/result';
import { type EventType, eventTypes, unfilteredTypes } from '@hongyan/protocol/events';
import { eventsWaitSMax } from '@hongyan/protocol/operations/events';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import Type from 'typebox';
import type { EventReader } from '../ports/event-log/event-reader.ts';
import type { Attempt, DeadLetter, Endpoint } from '../ports/event-log/webhooks.ts';
import type { OperatorRequest, OperatorRoute } from '../roles/operator/route.ts';
import type { EndpointView, Webhooks } from '../roles/worker/events/webhooks.ts';

const url = Type.String({ minLength: 1, maxLength: 2_048 });
const types = Type.Array(Type.String(), { maxItems: 100 });
const secret = Type.Optional(Type.String({ maxLength: 128 }));
const AddSchema = Type.Object({ url, types: Type.Optional(types), secret });
const ChangeSchema = Type.Object({
  url: Type.Optional(url),
  types: Type.Optional(types),
  enabled: Type.Optional(Type.Boolean()),
});
const RotateSchema = Type.Object({
  overlap_hours: Type.Optional(Type.Number({ minimum: 0, maximum: 720 })),
  secret,
});
const ReplaySchema = Type.Object({
  after: Type.Optional(Type.String({ maxLength: 64 })),
  dead: Type.Optional(Type.Boolean()),
  position: Type.Optional(Type.String({ maxLength: 64 })),
});

const hourMs = 3_600_000;
const overlapHoursDefault = 24;
const listMax = 100;
const base = '/admin/v1/webhooks';

export function webhookRoutes(webhooks: Webhooks): readonly OperatorRoute[] {
  return [
    {
      method: 'GET',
      path: base,
      handle: async () =>
        ok({ endpoints: (await webhooks.list()).map((view) => viewJson(view, webhooks)), types: filterTypes }),
    },
    { method: 'POST', path: base, handle: (request) => add(webhooks, request) },
    {
      method: 'GET',
      path: `${base}/:id`,
      handle: async ({ params }) => {
        const found = await webhooks.get(idOf(params));
        return found.type === 'ok' ? ok(viewJson(found.value, webhooks)) : found;
      },
    },
    { method: 'PATCH', path: `${base}/:id`, handle: (request) => change(webhooks, request) },
    { method: 'DELETE', path: `${base}/:id`, handle: ({ params }) => webhooks.remove(idOf(params)) },
    { method: 'POST', path: `${base}/:id/test`, isSlow: true, handle: ({ params }) => test(webhooks, idOf(params)) },
    { method: 'POST', path: `${base}/:id/rotate`, handle: (request) => rotate(webhooks, request) },
    { method: 'POST', path: `${base}/:id/replay`, handle: (request) => replay(webhooks, request) },
    {
      method: 'GET',
      path: `${base}/:id/attempts`,
      handle: async ({ params }) => {
        const found = await webhooks.attempts(idOf(params), listMax);
        return found.type === 'ok' ? ok({ attempts: found.value.map((one) => attemptJson(one, webhooks)) }) : found;
      },
    },
    {
      method: 'GET',
      path: `${base}/:id/dead-letters`,
      handle: async ({ params }) => {
        const found = await webhooks.deadLetters(idOf(params), listMax);
        return found.type === 'ok' ? ok({ dead_letters: found.value.map((one) => deadJson(one, webhooks)) }) : found;
      },
    },
  ];
}

/** [W10] Events page by page, from a position on; `reader`: absent where events are not pulled. */
export function eventsRoute(reader: EventReader | undefined): OperatorRoute {
  return {
    method: 'GET',
    path: '/admin/v1/events',
    isSlow: true,
    async handle({ query, signal }) {
      if (!reader) return refusal.eventsNotRecorded();
      const types = typesOf(query.get('types')?.split(',') ?? []);
      if (types.type !== 'ok') return types;
      const limit = numberOf(query, 'limit', { standard: pageSize, max: pageMax });
      const waitS = numberOf(query, 'wait_s', { standard: 0, max: eventsWaitSMax });
      if (limit === undefined || limit === 0) return refusal.invalid(`limit is a number from 1 to ${pageMax}`);
      if (waitS === undefined) return refusal.invalid(`wait_s is a number from 0 to ${eventsWaitSMax}`);
      return reader.pull({
        ...{ after: query.get('after') ?? undefined, limit, waitMs: waitS * 1000, signal },
        types: types.value.length === 0 ? undefined : [...types.value, ...unfilteredTypes],
      });
    },
  };
}

const pageSize = 100;
const pageMax = 500;

function numberOf(
  query: URLSearchParams,
  name: string,
  { standard, max }: { readonly standard: number; readonly max: number },
): number | undefined {
  const text = query.get(name);
  if (text === null) return standard;
  return /^\d{1,4}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

const idOf = ({ id = '' }: OperatorRequest['params']): string => id;

async function add(webhooks: Webhooks, request: OperatorRequest): Promise<Result<unknown>> {
  const body = await request.body(AddSchema);
  if (body.type !== 'ok') return body;
  const wanted = typesOf(body.value.types ?? []);
  if (wanted.type !== 'ok') return wanted;
  const added = await webhooks.add({ url: body.value.url, types: wanted.value, secret: body.value.secret });
  return added.type === 'ok' ? ok({ ...endpointJson(added.value), secret: added.value.secret }) : added;
}

async function change(webhooks: Webhooks, request: OperatorRequest): Promise<Result<unknown>> {
  const body = await request.body(ChangeSchema);
  if (body.type !== 'ok') return body;
  const wanted = body.value.types === undefined ? done : typesOf(body.value.types);
  if (wanted.type !== 'ok') return wanted;
  return webhooks.change(idOf(request.params), {
    ...(body.value.url === undefined ? {} : { url: body.value.url }),
    ...(wanted.value === undefined ? {} : { types: wanted.value }),
    ...(body.value.enabled === undefined ? {} : { isEnabled: body.value.enabled }),
  });
}

async function test(webhooks: Webhooks, endpointId: string): Promise<Result<unknown>> {
  const tested = await webhooks.test(endpointId);
  if (tested.type !== 'ok') return tested;
  const { type, status, durationMs } = tested.value;
  const error = 'error' in tested.value ? { error: tested.value.error } : {};
  return ok({ outcome: type, status, ...error, duration_ms: durationMs });
}

async function rotate(webhooks: Webhooks, request: OperatorRequest): Promise<Result<unknown>> {
  const body = await request.body(RotateSchema);
  if (body.type !== 'ok') return body;
  const { overlap_hours = overlapHoursDefault, secret: given } = body.value;
  return webhooks.rotate(idOf(request.params), { overlapMs: overlap_hours * hourMs, secret: given });
}

async function replay(webhooks: Webhooks, request: OperatorRequest): Promise<Result<unknown>> {
  const body = await request.body(ReplaySchema);
  if (body.type !== 'ok') return body;
  const { after, dead, position } = body.value;
  if (dead !== true) return webhooks.replay(idOf(request.params), after);
  return webhooks.replayDead(idOf(request.params), position);
}

const filterTypes = eventTypes.filter((type) => !unfilteredTypes.includes(type));

/** Those that every endpoint is told anyway are no filter. */
function typesOf(names: readonly string[]): Result<readonly EventType[]> {
  const unknown = names.find((name) => !(filterTypes as readonly string[]).includes(name));
  return unknown === undefined
    ? ok(names as readonly EventType[])
    : refusal.invalid(`there are no events of type ${unknown}; the types are ${filterTypes.join(', ')}`);
}

function endpointJson({ id, url, types, isEnabled, disabledReason, createdAtMs, oldSecret }: Endpoint): object {
  return {
    id,
    url,
    types,
    enabled: isEnabled,
    ...(disabledReason === '' ? {} : { disabled_reason: disabledReason }),
    created_at: createdAtMs,
    ...(oldSecret === undefined ? {} : { old_secret_until: oldSecret.untilMs }),
  };
}

function viewJson({ endpoint, behind, parked, dead }: EndpointView, webhooks: Webhooks): object {
  const { cursor, failures, failingSinceMs } = endpoint.progress;
  return {
    ...endpointJson(endpoint),
    position: webhooks.positionText(cursor),
    behind,
    waiting: parked,
    dead_letters: dead,
    failures,
    ...(failingSinceMs === 0 ? {} : { failing_since: failingSinceMs }),
  };
}

const attemptJson = (
  { position, eventId, type, atMs, durationMs, status, error }: Attempt,
  webhooks: Webhooks,
): object => ({
  ...{ event_id: eventId, type, position: webhooks.positionText(position) },
  ...{ at: atMs, duration_ms: durationMs, status, ...(error === '' ? {} : { error }) },
});

const deadJson = ({ position, eventId, type, attempts, error, atMs }: DeadLetter, webhooks: Webhooks): object => ({
  ...{ event_id: eventId, type, position: webhooks.positionText(position) },
  ...{ attempts, error, at: atMs },
});
