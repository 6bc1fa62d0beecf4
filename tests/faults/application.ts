// An application behind the server: an endpoint that is sent events, a reader who pulls them, and what both were told in the end.

import { expect } from 'bun:test';
import type { ClientEvent } from '@hongyan/testing/history';
import { call } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { until } from '@hongyan/testing/until';
import { type ReceivedEvent, WebhookReceiver } from '@hongyan/testing/webhook-receiver';

export const applicationEnv = {
  HONGYAN_WEBHOOK_PRIVATE_ADDRESSES: 'true',
  HONGYAN_WEBHOOK_RETRY_MS: '10',
  HONGYAN_WEBHOOK_ATTEMPTS_MAX: '100',
  HONGYAN_EVENTS_PULL: 'true',
};

/** Before the reader asks again where it was not answered. */
const pauseMs = 100;
const failedShare = 0.05;

export class Application {
  readonly receiver: WebhookReceiver;
  /** In the order in which they were pulled. */
  readonly pulled: ReceivedEvent[] = [];
  readonly #url: string;
  readonly #key: string;
  readonly #endpointId: string;
  readonly #reading = new AbortController();
  #position: string | undefined;
  #isAtEnd = false;
  #reader: Promise<void> = Promise.resolve();
  #back: PromiseWithResolvers<void> | undefined;

  private constructor(given: { url: string; key: string; endpointId: string; receiver: WebhookReceiver }) {
    this.#url = given.url;
    this.#key = given.key;
    this.#endpointId = given.endpointId;
    this.receiver = given.receiver;
  }

  /** Both are told the same from here on, if nothing happens meanwhile. The secret is being rotated. */
  static async begin(url: string, dataDir: string, random: () => number): Promise<Application> {
    const receiver = new WebhookReceiver();
    const asOperator = async (path: string, body: object) => {
      const answer = await askOperator(dataDir, 'POST', path, body);
      expect(answer).toMatchObject({ status: 200 });
      return answer.body;
    };
    const { key } = await asOperator('/admin/v1/keys', { name: 'reader', scopes: ['events:read'] });
    const { id, secret } = await asOperator('/admin/v1/webhooks', { url: receiver.url });
    const rotated = await asOperator(`/admin/v1/webhooks/${id}/rotate`, { overlap_hours: 24 });
    receiver.secrets = [String(secret), String(rotated.secret)];
    const own = new Application({ url, key: String(key), endpointId: String(id), receiver });
    receiver.answering = async () => {
      if (own.#back === undefined) return random() < failedShare ? 500 : 200;
      await own.#back.promise;
      return 503;
    };
    own.#reader = own.#read();
    return own;
  }

  /** The endpoint answers nobody, until `comeBack`. */
  goAway(): void {
    this.#back = Promise.withResolvers();
  }

  comeBack(): void {
    const back = this.#back;
    this.#back = undefined;
    back?.resolve();
  }

  /** Resolves when the reader was told of all that was acked, and the endpoint of all that the log of the server on the folder has. */
  async caughtUp(dataDir: string, clientEvents: readonly ClientEvent[]): Promise<void> {
    const isTold = () => untoldOf(this, clientEvents).length === 0;
    // What is never told is named by expectAllTold.
    await until(isTold, { withinMs: 60_000, what: 'all that was acked to be told' }).catch(() => undefined);
    await until(
      async () => {
        const { body } = await askOperator(dataDir, 'GET', `/admin/v1/webhooks/${this.#endpointId}`);
        expect(body.dead_letters).toBe(0);
        return body.behind === 0 && body.waiting === 0 && this.#isAtEnd && this.pulled.length >= this.delivered.size;
      },
      { withinMs: 90_000, what: 'the endpoint and the reader to come to the end of the log' },
    );
  }

  /** By its id, how often an event was received and the receipt confirmed. */
  get delivered(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { event, status } of this.receiver.received)
      if (status === 200) counts.set(event.id, (counts.get(event.id) ?? 0) + 1);
    return counts;
  }

  async end(): Promise<void> {
    this.comeBack();
    this.#reading.abort();
    await this.#reader;
    await this.receiver.stop();
  }

  /** As docs/webhooks.md tells readers to do. */
  async #read(): Promise<void> {
    while (!this.#reading.signal.aborted) {
      const query = `limit=50&wait_s=1${this.#position === undefined ? '' : `&after=${this.#position}`}`;
      const answer = await call(this.#url, `/v1/events?${query}`, { token: this.#key }).catch(() => undefined);
      if (answer?.status === 200) {
        this.pulled.push(...(answer.body.events as ReceivedEvent[]));
        this.#position = String(answer.body.position);
        this.#isAtEnd = answer.body.has_more === false;
      } else {
        // A reader that is told that its position is void could not go on.
        if (answer && answer.status < 500 && answer.status !== 429) throw new Error(JSON.stringify(answer));
        await Bun.sleep(pauseMs);
      }
    }
  }
}

/** [W1][W3][W4][W10] Each event once, in order, signed with the old secret too, the same for both; and one for each message that was acked. */
export function expectAllTold(application: Application, clientEvents: readonly ClientEvent[]): void {
  const { pulled, receiver, delivered } = application;
  const ids = pulled.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(pulled.filter(({ type }) => type === 'events.gap')).toEqual([]);
  const numbers = pulled.map(({ position }) => Number(position.split('.')[1]));
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  expect([...delivered.keys()].toSorted()).toEqual(ids.toSorted());
  expect([...delivered].filter(([, count]) => count > 1)).toEqual([]);
  expect(receiver.received.filter(({ validSecrets }) => validSecrets !== 2).length).toBe(0);
  expect(outOfOrder(receiver.events)).toEqual([]);
  expect(untoldOf(application, clientEvents).slice(0, 3)).toEqual([]);
}

/** Messages that were acked. Of a change to one that was recalled before it was recorded there is no event. */
function untoldOf({ pulled }: Application, clientEvents: readonly ClientEvent[]): readonly ClientEvent[] {
  const told = new Set(pulled.map(({ data }) => String(data.msg_id)));
  const nameOf = ({ sender, clientMsgId }: { sender: string; clientMsgId: string }) => `${sender} ${clientMsgId}`;
  const messages = new Set(clientEvents.flatMap((event) => (isOfMessage(event) ? [nameOf(event)] : [])));
  return clientEvents.filter(
    (event) => event.type === 'acked' && messages.has(nameOf(event)) && !told.has(event.msgId),
  );
}

function isOfMessage(event: ClientEvent): event is Extract<ClientEvent, { type: 'attempted' }> {
  if (event.type !== 'attempted') return false;
  return !String((event.content as { readonly type?: unknown }).type).startsWith('hongyan.');
}

/** Of each conversation, and of each user's presence. */
function outOfOrder(events: readonly ReceivedEvent[]): readonly ReceivedEvent[] {
  const last = new Map<string, number>();
  return events.filter(({ position, data }) => {
    const lane = String(data.conversation_id ?? `user ${data.user_id}`);
    const number = Number(position.split('.')[1]);
    const isBehind = number <= (last.get(lane) ?? 0);
    last.set(lane, Math.max(number, last.get(lane) ?? 0));
    return isBehind;
  });
}
