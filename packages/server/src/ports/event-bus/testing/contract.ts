// The contract of every event bus, run by the test file of each adapter.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import {
  type BusAttachment,
  type BusEvent,
  conversationTopic,
  type EventBus,
  nodeTopic,
  presenceTopic,
  type Topic,
  userTopic,
} from '../event-bus.ts';

export interface EventBusUnderTest {
  /** The bus of the publisher. */
  readonly bus: EventBus;
  /** The same bus in another process; the same object for a bus within one process. */
  readonly elsewhere: EventBus;
  /** Resolves when all events accepted so far, and all calls of `unsubscribe`, have taken effect in all processes. */
  settle(): Promise<void>;
  remove(): Promise<void>;
}

export function eventBusContract(name: string, make: () => Promise<EventBusUnderTest>): void {
  describe(name, () => {
    let made: EventBusUnderTest;
    beforeEach(async () => {
      made = await make();
    });
    afterEach(() => made.remove());

    /** A listener on these topics, and the events that it receives. */
    async function listen(...topics: readonly Topic[]) {
      const events: BusEvent[] = [];
      const attachment = made.elsewhere.attach({ onEvent: (event) => events.push(event), onLoss: () => {} });
      await attachment.subscribe(topics);
      return { events, attachment };
    }
    async function publish(...events: readonly BusEvent[]): Promise<void> {
      await made.bus.publish(events);
      await made.settle();
    }
    const tools: Tools = { listen, publish, made: () => made };

    describe('topics', () => topicsContract(tools));
    describe('subscriptions', () => subscriptionsContract(tools));
  });
}

interface Tools {
  listen(...topics: readonly Topic[]): Promise<{
    readonly events: readonly BusEvent[];
    readonly attachment: BusAttachment;
  }>;
  /** Publishes, and resolves when subscribers have the events. */
  publish(...events: readonly BusEvent[]): Promise<void>;
  made(): EventBusUnderTest;
}

const ann = userTopic('ann' as UserId);
const bob = userTopic('bob' as UserId);
const group = conversationTopic('g:1' as ConversationId);
const frame = (topic: Topic, text: string): BusEvent => ({ type: 'frame', topic, frame: text });
/** There is no order between topics. */
const byTopic = (events: readonly BusEvent[]) => events.toSorted((one, other) => (one.topic < other.topic ? -1 : 1));

function topicsContract({ listen, publish, made }: Tools): void {
  test('an event reaches the subscribers of its topic and no other listener', async () => {
    const [first, second, none] = [await listen(ann, group), await listen(group), await listen()];
    await publish(frame(ann, '1'), frame(group, '2'), frame(bob, '3'));
    expect(byTopic(first.events)).toEqual(byTopic([frame(ann, '1'), frame(group, '2')]));
    expect(second.events).toEqual([frame(group, '2')]);
    expect(none.events).toEqual([]);
  });

  test('[D4] events of one topic arrive in the order published, even if the calls are not awaited', async () => {
    const { events } = await listen(group);
    const sent = Array.from({ length: 300 }, (_, index) => frame(group, String(index)));
    const accepted = [made().bus.publish(sent.slice(0, 100))];
    for (const event of sent.slice(100)) accepted.push(made().bus.publish([event]));
    await Promise.all(accepted);
    await made().settle();
    expect(events).toEqual(sent);
  });

  test('a frame arrives as the published text, other events with all their fields', async () => {
    const { events } = await listen(ann);
    const sent: BusEvent[] = [
      frame(ann, JSON.stringify({ text: '鸿雁 👩‍👩‍👧 \u0000 \u2028 \n "' })),
      frame(ann, 'x'.repeat(100_000)),
      { type: 'frame', topic: ann, frame: 'x'.repeat(100_000), mayWait: true },
      { type: 'membership', topic: ann, conversationId: 'g:1' as ConversationId, isMember: true },
      { type: 'membership', topic: ann, conversationId: 'g:1' as ConversationId, isMember: false },
      { type: 'replaced', topic: ann, deviceId: 'phone' as DeviceId, sessionId: 's1' },
      {
        type: 'revoked',
        topic: ann,
        revocations: [
          { type: 'token', tokenId: 't', userId: 'ann' as UserId, untilMs: 1e13 },
          { type: 'user', userId: 'ann' as UserId, issuedBeforeMs: 1, untilMs: 2 },
        ],
      },
      {
        ...{ type: 'members_changed', topic: ann, conversationId: 'g:1' as ConversationId },
        userIds: ['ann' as UserId, 'Bob' as UserId],
      },
      { type: 'outcomes', topic: ann, outcomes: '[{"id":"鸿"}]' },
      { type: 'changed', topic: ann, keys: ['user ann', 'user 鸿'] },
    ];
    await publish(...sent);
    expect(events).toEqual(sent);
  });

  test('topics of a user, of their presence and of a conversation are distinct, and so are ids that differ in case', async () => {
    const { events } = await listen(userTopic('x' as UserId));
    await publish(
      frame(presenceTopic('x' as UserId), '1'),
      frame(conversationTopic('x' as ConversationId), '2'),
      frame(nodeTopic('x'), '2'),
      frame(userTopic('X' as UserId), '3'),
      frame(userTopic('x*' as UserId), '4'),
    );
    expect(events).toEqual([]);
  });

  test('[D4] a loss reported by a publisher reaches the subscribers of its topic, for that topic or for all topics', async () => {
    const losses: (readonly Topic[] | undefined)[] = [];
    const events: BusEvent[] = [];
    const listener = {
      onEvent: (event: BusEvent) => events.push(event),
      onLoss: (topics?: readonly Topic[]) => losses.push(topics),
    };
    await made().elsewhere.attach(listener).subscribe([ann]);
    await publish({ type: 'lost', topic: ann });
    expect(losses.map((topics) => topics?.includes(ann) ?? true)).toEqual([true]);
    expect(events).toEqual([]);
  });

  test('publishing no events, or to a topic without subscribers, is accepted and delivers nothing', async () => {
    const { events } = await listen(ann);
    await publish();
    await publish(frame(bob, '1'));
    expect(events).toEqual([]);
  });
}

function subscriptionsContract({ listen, publish, made }: Tools): void {
  test('[D4] once subscribe has resolved every event accepted after it arrives', async () => {
    for (let round = 0; round < 20; round++) {
      const topic = conversationTopic(`g:${round}` as ConversationId);
      const { events } = await listen(topic);
      await publish(frame(topic, '1'));
      expect(events).toEqual([frame(topic, '1')]);
    }
  });

  test('subscribe and unsubscribe take effect in the order of their calls, even if they are not awaited', async () => {
    const { events, attachment } = await listen();
    const subscribed = attachment.subscribe([ann, group]);
    attachment.unsubscribe([ann]);
    await subscribed;
    await attachment.subscribe([bob]);
    await publish(frame(ann, '1'), frame(group, '2'), frame(bob, '3'));
    expect(byTopic(events)).toEqual(byTopic([frame(group, '2'), frame(bob, '3')]));
    attachment.unsubscribe([group]);
    await attachment.subscribe([group]);
    await publish(frame(group, '4'));
    expect(events.at(-1)).toEqual(frame(group, '4'));
  });

  test('a subscription that joins others on the topic is in force when it resolves', async () => {
    const attachments = Array.from({ length: 3 }, () => {
      const events: BusEvent[] = [];
      return {
        events,
        attachment: made().elsewhere.attach({ onEvent: (event) => events.push(event), onLoss: () => {} }),
      };
    });
    await Promise.all(attachments.map(({ attachment }) => attachment.subscribe([group])));
    await publish(frame(group, '1'));
    for (const { events } of attachments) expect(events).toEqual([frame(group, '1')]);
  });

  test('subscribing twice to a topic changes nothing: one unsubscribe ends it', async () => {
    const { events, attachment } = await listen(ann, ann);
    await attachment.subscribe([ann]);
    await publish(frame(ann, '1'));
    expect(events).toEqual([frame(ann, '1')]);
    attachment.unsubscribe([ann]);
    await made().settle();
    await publish(frame(ann, '2'));
    expect(events).toHaveLength(1);
  });

  test('unsubscribe ends one topic and leaves the others', async () => {
    const { events, attachment } = await listen(ann, group);
    attachment.unsubscribe([ann, bob]);
    await made().settle();
    await publish(frame(ann, '1'), frame(group, '2'));
    expect(events).toEqual([frame(group, '2')]);
    await attachment.subscribe([ann]);
    await publish(frame(ann, '3'));
    expect(events).toEqual([frame(group, '2'), frame(ann, '3')]);
  });

  test('a listener that leaves a topic does not affect the others', async () => {
    const [first, second, third] = [await listen(group), await listen(group), await listen(group)];
    first.attachment.unsubscribe([group]);
    second.attachment.detach();
    await made().settle();
    await publish(frame(group, '1'));
    expect([first, second, third].map(({ events }) => events.length)).toEqual([0, 0, 1]);
    third.attachment.detach();
    await made().settle();
    await publish(frame(group, '2'));
    expect(third.events).toHaveLength(1);
    const late = await listen(group);
    await publish(frame(group, '3'));
    expect(late.events).toEqual([frame(group, '3')]);
  });

  test('after detach nothing arrives: detaching twice, unsubscribing and subscribing change nothing', async () => {
    const { events, attachment } = await listen(ann);
    attachment.detach();
    attachment.unsubscribe([ann]);
    attachment.detach();
    await attachment.subscribe([ann, group]);
    await made().settle();
    await publish(frame(ann, '1'), frame(group, '2'));
    expect(events).toEqual([]);
  });

  test('a listener may change its topics while it handles an event', async () => {
    const received: string[] = [];
    const others = [await listen(ann, group)];
    const inForce = Promise.withResolvers<void>();
    const attachment = made().elsewhere.attach({
      onEvent: (event) => {
        received.push(event.type === 'frame' ? event.frame : event.type);
        if (event.type === 'membership')
          attachment.subscribe([conversationTopic(event.conversationId)]).then(inForce.resolve, inForce.reject);
        else attachment.unsubscribe([event.topic]);
      },
      onLoss: () => {},
    });
    await attachment.subscribe([ann]);
    others.push(await listen(ann, group));
    await publish({ type: 'membership', topic: ann, conversationId: 'g:1' as ConversationId, isMember: true });
    await inForce.promise;
    await publish(frame(group, '1'));
    await publish(frame(group, '2'));
    expect(received).toEqual(['membership', '1']);
    for (const { events } of others) expect(events).toHaveLength(3);
  });
}
