// What every event bus must do, whatever carries it: run by each adapter's test file.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import { type BusEvent, conversationTopic, type EventBus, presenceTopic, type Topic, userTopic } from '../event-bus.ts';

export interface EventBusUnderTest {
  /** Where the core publishes. */
  readonly bus: EventBus;
  /** The same bus as another process has it; the very same object where one process is all there is. */
  readonly elsewhere: EventBus;
  /** Resolves when every subscription and every event up to now has taken effect everywhere. */
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

    /** A listener with its topics, and what came to it. */
    async function listen(...topics: readonly Topic[]) {
      const events: BusEvent[] = [];
      const attachment = made.elsewhere.attach({ onEvent: (event) => events.push(event), onLoss: () => {} });
      attachment.subscribe(topics);
      await made.settle();
      return { events, attachment };
    }
    async function publish(...events: readonly BusEvent[]): Promise<void> {
      made.bus.publish(events);
      await made.settle();
    }
    const tools: Tools = { listen, publish, made: () => made };

    describe('topics', () => topicsContract(tools));
    describe('interest', () => interestContract(tools));
  });
}

interface Tools {
  listen(...topics: readonly Topic[]): Promise<{
    readonly events: readonly BusEvent[];
    readonly attachment: ReturnType<EventBus['attach']>;
  }>;
  publish(...events: readonly BusEvent[]): Promise<void>;
  made(): EventBusUnderTest;
}

const ann = userTopic('ann' as UserId);
const bob = userTopic('bob' as UserId);
const group = conversationTopic('g:1' as ConversationId);
const frame = (topic: Topic, text: string): BusEvent => ({ type: 'frame', topic, frame: text });

function topicsContract({ listen, publish, made }: Tools): void {
  test('an event comes to those who subscribed to its topic, and to no other', async () => {
    const [first, second, none] = [await listen(ann, group), await listen(group), await listen()];
    await publish(frame(ann, '1'), frame(group, '2'), frame(bob, '3'));
    expect(first.events).toEqual([frame(ann, '1'), frame(group, '2')]);
    expect(second.events).toEqual([frame(group, '2')]);
    expect(none.events).toEqual([]);
  });

  test('[D4] events of one topic come in the order published, in one publish or in many', async () => {
    const { events } = await listen(group);
    const sent = Array.from({ length: 300 }, (_, index) => frame(group, String(index)));
    made().bus.publish(sent.slice(0, 100));
    for (const event of sent.slice(100)) made().bus.publish([event]);
    await made().settle();
    expect(events).toEqual(sent);
  });

  test('a frame comes as the text that was published, and other news with all it says', async () => {
    const { events } = await listen(ann);
    const sent: BusEvent[] = [
      frame(ann, JSON.stringify({ text: '鸿雁 👩‍👩‍👧 \u0000 \u2028 \n "' })),
      frame(ann, 'x'.repeat(100_000)),
      { type: 'membership', topic: ann, conversationId: 'g:1' as ConversationId, isMember: true },
      { type: 'membership', topic: ann, conversationId: 'g:1' as ConversationId, isMember: false },
      { type: 'replaced', topic: ann, deviceId: 'phone' as DeviceId, sessionId: 's1' },
    ];
    await publish(...sent);
    expect(events).toEqual(sent);
  });

  test('topics of a user, of their presence and of a conversation are apart, and so are ids that differ in case', async () => {
    const { events } = await listen(userTopic('x' as UserId));
    await publish(
      frame(presenceTopic('x' as UserId), '1'),
      frame(conversationTopic('x' as ConversationId), '2'),
      frame(userTopic('X' as UserId), '3'),
      frame(userTopic('x*' as UserId), '4'),
    );
    expect(events).toEqual([]);
  });

  test('publishing nothing, or to nobody, is nothing', async () => {
    const { events } = await listen(ann);
    await publish();
    await publish(frame(bob, '1'));
    expect(events).toEqual([]);
  });
}

function interestContract({ listen, publish, made }: Tools): void {
  test('to subscribe twice is to subscribe once', async () => {
    const { events, attachment } = await listen(ann, ann);
    attachment.subscribe([ann]);
    await publish(frame(ann, '1'));
    expect(events).toEqual([frame(ann, '1')]);
    attachment.unsubscribe([ann]);
    await made().settle();
    await publish(frame(ann, '2'));
    expect(events).toHaveLength(1);
  });

  test('who unsubscribes hears no more of that topic, and all of the others', async () => {
    const { events, attachment } = await listen(ann, group);
    attachment.unsubscribe([ann, bob]);
    await made().settle();
    await publish(frame(ann, '1'), frame(group, '2'));
    expect(events).toEqual([frame(group, '2')]);
    attachment.subscribe([ann]);
    await made().settle();
    await publish(frame(ann, '3'));
    expect(events).toEqual([frame(group, '2'), frame(ann, '3')]);
  });

  test('one who leaves a topic takes nothing from the others on it', async () => {
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

  test('to detach twice, or to unsubscribe after it, is nothing', async () => {
    const { events, attachment } = await listen(ann);
    attachment.detach();
    attachment.unsubscribe([ann]);
    attachment.detach();
    await made().settle();
    await publish(frame(ann, '1'));
    expect(events).toEqual([]);
  });

  test('a listener may change its topics while an event is handed to it', async () => {
    const heard: string[] = [];
    const others = [await listen(ann, group)];
    const attachment = made().elsewhere.attach({
      onEvent: (event) => {
        heard.push(event.type === 'frame' ? event.frame : event.type);
        if (event.type === 'membership') attachment.subscribe([conversationTopic(event.conversationId)]);
        else attachment.unsubscribe([event.topic]);
      },
      onLoss: () => {},
    });
    attachment.subscribe([ann]);
    others.push(await listen(ann, group));
    await publish({ type: 'membership', topic: ann, conversationId: 'g:1' as ConversationId, isMember: true });
    await made().settle();
    await publish(frame(group, '1'));
    await made().settle();
    await publish(frame(group, '2'));
    expect(heard).toEqual(['membership', '1']);
    for (const { events } of others) expect(events).toHaveLength(3);
  });
}
