// Webhook operations in the types of the wire, for back ends and for operators.

import { done, ok } from '@hongyan/base/result';
import { type EventType, eventTypes, unfilteredTypes } from '@hongyan/protocol/events';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { EndpointView, WebhookAdministration } from '../../ports/event-log/webhook-administration.ts';
import type { Attempt, DeadLetter, Endpoint } from '../../ports/event-log/webhooks.ts';

const hourMs = 3_600_000;
const overlapHoursDefault = 24;
const listMax = 100;
/** Events that every endpoint receives cannot be filtered by. */
const filterTypes = eventTypes.filter((type) => !unfilteredTypes.includes(type));

export class WebhookEndpoints {
  readonly #webhooks: WebhookAdministration;

  constructor(webhooks: WebhookAdministration) {
    this.#webhooks = webhooks;
  }

  async list(): Promise<Result<Output<'listWebhooks'>>> {
    const views = await this.#webhooks.list();
    return ok({ endpoints: views.map((view) => this.#view(view)), types: filterTypes });
  }

  async get({ endpoint_id }: Input<'getWebhook'>): Promise<Result<Output<'getWebhook'>>> {
    const found = await this.#webhooks.get(endpoint_id);
    return found.type === 'ok' ? ok(this.#view(found.value)) : found;
  }

  async add({ url, types, secret }: Input<'addWebhook'>): Promise<Result<Output<'addWebhook'>>> {
    const wanted = typesOf(types ?? []);
    if (wanted.type !== 'ok') return wanted;
    const added = await this.#webhooks.add({ url, types: wanted.value, secret });
    return added.type === 'ok' ? ok({ ...endpointView(added.value), secret: added.value.secret }) : added;
  }

  async change({ endpoint_id, url, types, enabled }: Input<'changeWebhook'>): Promise<Result<undefined>> {
    const wanted = types === undefined ? done : typesOf(types);
    if (wanted.type !== 'ok') return wanted;
    return this.#webhooks.change(endpoint_id, {
      ...(url === undefined ? {} : { url }),
      ...(wanted.value === undefined ? {} : { types: wanted.value }),
      ...(enabled === undefined ? {} : { isEnabled: enabled }),
    });
  }

  remove({ endpoint_id }: Input<'removeWebhook'>): Promise<Result<undefined>> {
    return this.#webhooks.remove(endpoint_id);
  }

  async test({ endpoint_id }: Input<'testWebhook'>): Promise<Result<Output<'testWebhook'>>> {
    const tested = await this.#webhooks.test(endpoint_id);
    if (tested.type !== 'ok') return tested;
    const { type, status, error, durationMs } = tested.value;
    return ok({ outcome: type, status, ...(error === undefined ? {} : { error }), duration_ms: durationMs });
  }

  rotate(input: Input<'rotateWebhookSecret'>): Promise<Result<Output<'rotateWebhookSecret'>>> {
    const { endpoint_id, overlap_hours = overlapHoursDefault, secret } = input;
    return this.#webhooks.rotate(endpoint_id, { overlapMs: overlap_hours * hourMs, secret });
  }

  async replay({
    endpoint_id,
    after,
    dead,
    position,
  }: Input<'replayWebhook'>): Promise<Result<Output<'replayWebhook'>>> {
    if (dead === true ? after !== undefined : position !== undefined)
      return refusal.invalid('give after to replay events, or dead with position to replay dead letters');
    if (dead === true) return this.#webhooks.replayDead(endpoint_id, position);
    const replayed = await this.#webhooks.replay(endpoint_id, after);
    return replayed.type === 'ok' ? ok({}) : replayed;
  }

  async attempts({ endpoint_id }: Input<'listWebhookAttempts'>): Promise<Result<Output<'listWebhookAttempts'>>> {
    const found = await this.#webhooks.attempts(endpoint_id, listMax);
    return found.type === 'ok' ? ok({ attempts: found.value.map((attempt) => this.#attempt(attempt)) }) : found;
  }

  async deadLetters({
    endpoint_id,
  }: Input<'listWebhookDeadLetters'>): Promise<Result<Output<'listWebhookDeadLetters'>>> {
    const found = await this.#webhooks.deadLetters(endpoint_id, listMax);
    return found.type === 'ok'
      ? ok({ dead_letters: found.value.map((deadLetter) => this.#deadLetter(deadLetter)) })
      : found;
  }

  #view({ endpoint, behind, parked, dead }: EndpointView): Output<'getWebhook'> {
    const { cursor, failures, failingSinceMs } = endpoint.progress;
    return {
      ...endpointView(endpoint),
      position: this.#webhooks.positionText(cursor),
      behind,
      waiting: parked,
      dead_letters: dead,
      failures,
      ...(failingSinceMs === 0 ? {} : { failing_since: failingSinceMs }),
    };
  }

  #attempt({ position, eventId, type, atMs, durationMs, status, error }: Attempt) {
    return {
      ...{ event_id: eventId, type, position: this.#webhooks.positionText(position) },
      ...{ at: atMs, duration_ms: durationMs, status, ...(error === '' ? {} : { error }) },
    };
  }

  #deadLetter({ position, eventId, type, attempts, error, atMs }: DeadLetter) {
    return {
      ...{ event_id: eventId, type, position: this.#webhooks.positionText(position) },
      ...{ attempts, error, at: atMs },
    };
  }
}

function typesOf(names: readonly string[]): Result<readonly EventType[]> {
  const unknown = names.find((name) => !(filterTypes as readonly string[]).includes(name));
  return unknown === undefined
    ? ok(names as readonly EventType[])
    : refusal.invalid(`unknown event type ${unknown}; the types are ${filterTypes.join(', ')}`);
}

const endpointView = ({ id, url, types, isEnabled, disabledReason, createdAtMs, oldSecret }: Endpoint) => ({
  id,
  url,
  types: [...types],
  enabled: isEnabled,
  ...(disabledReason === '' ? {} : { disabled_reason: disabledReason }),
  created_at: createdAtMs,
  ...(oldSecret === undefined ? {} : { old_secret_until: oldSecret.untilMs }),
});
