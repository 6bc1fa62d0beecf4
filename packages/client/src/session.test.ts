// Conversations learned of, left, joined again and read while frames, answers and the storage come in every inconvenient order.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/protocol/ids';
import { until } from '@hongyan/testing/until';
import { rules } from './testing/rules.ts';
import { conversation, entry, message, SessionRig, sendSync } from './testing/session-rig.ts';

const change = { kind: 'group', members: ['me', 'you'], member_count: 2, created_at: 1, history_visible: true, rules };

let rig: SessionRig;
beforeEach(() => {
  rig = new SessionRig();
});
afterEach(() => rig.stop());

/** An answer that waits until the test lets it go. */
function gate() {
  let release = () => {};
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  let reach = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return { opened, release, reach, reached };
}

describe('a conversation that is new to the device', () => {
  test('[C1] what is pushed while the server is asked about it is rig.shown, though the answer does not include it yet', async () => {
    const connection = await rig.begin();
    const { opened, release, reach, reached } = gate();
    rig.server.http = async () => {
      const asOfNow = conversation(0);
      reach();
      await opened;
      return Response.json(asOfNow);
    };
    connection.send({ type: 'conversation', conversation_id: 'g:1', change: 'created', conversation: change });
    await reached;
    rig.lastSeq = 2;
    connection.send(message(1));
    connection.send(message(2));
    connection.send({ type: 'typing', conversation_id: 'g:2', user_id: 'you' });
    await new Promise((resolve) => rig.client.on('typing', resolve));
    release();
    await until(() => rig.shown.length === 2);
    expect(rig.shown).toEqual([1, 2]);
  });

  test('left again while the server is asked about it, it is not there', async () => {
    const connection = await rig.begin();
    const { opened, release, reach, reached } = gate();
    rig.server.http = async ({ url }) => {
      if (!url.endsWith('g%3A1')) return Response.json(conversation(0, 'g:2'));
      reach();
      await opened;
      return Response.json(conversation(0));
    };
    connection.send({ type: 'conversation', conversation_id: 'g:1', change: 'created', conversation: change });
    await reached;
    const left = { type: 'conversation', conversation_id: 'g:1', change: 'member_left', user_id: 'me' };
    connection.send({ ...left, conversation: change });
    connection.send({ type: 'typing', conversation_id: 'g:2', user_id: 'you' });
    await new Promise((resolve) => rig.client.on('typing', resolve));
    release();
    const listed = await rig.client
      .history({ conversationId: 'g:2' as never, limit: 1 })
      .then(() => rig.client.conversations());
    expect(listed.map(({ conversationId }) => String(conversationId))).not.toContain('g:1');
  });
});

describe('a device that begins', () => {
  test('[C3] shows nothing of what was before because of an entry that arrives before the first sync is answered', async () => {
    rig.lastSeq = 50;
    const { opened, release, reach, reached } = gate();
    rig.server.answer = (connection, frame) => {
      if (frame.type !== 'sync') return rig.answer(connection, frame);
      connection.send(message(50));
      void opened.then(() => sendSync(connection, frame, [conversation(50)]));
      return true;
    };
    rig.server.http = () => {
      reach();
      return Response.json(conversation(50));
    };
    const online = rig.client.connect();
    await reached;
    await until(() => rig.client.conversations().length === 1);
    release();
    await online;
    rig.server.connections[0]?.send(message(51));
    await until(() => rig.shown.includes(51));
    expect(rig.shown.filter((seq) => seq < 50)).toEqual([]);
  });

  test('[C3] sends when the first sync is through, so that it shows what it sends', async () => {
    const sent = rig.client.send({ conversationId: 'g:1' as never }, { type: 'text', text: 'x' });
    rig.server.answer = (connection, frame) => {
      if (frame.type !== 'send') return rig.answer(connection, frame);
      rig.lastSeq = 8;
      const { id, client_msg_id } = frame;
      connection.send({ ...entry(8), id, client_msg_id, type: 'ack' });
      return true;
    };
    rig.lastSeq = 7;
    const connection = await rig.begin();
    await sent;
    expect(connection.frames.map(({ type }) => type).slice(0, 3)).toEqual(['hello', 'sync', 'send']);
    expect(rig.shown).toEqual([8]);
  });

  test('[C1] that it learns of while it is closed is shown by the next run, and once', async () => {
    const connection = await rig.begin();
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    rig.server.http = async () => {
      onAsked();
      await answered;
      return Response.json(conversation(1));
    };
    const shown: unknown[] = [];
    const listen = () => rig.client.on('message', ({ seq }) => shown.push(seq));
    listen();
    connection.send(message(1));
    await asked;
    await rig.client.close();
    const kept = await rig.storage.load();
    answer();
    await rig.client.getUser('you' as never).catch(() => {});
    rig.clock.advance(1_000);
    expect(shown).toEqual([]);
    expect(await rig.storage.load()).toEqual(kept);
    rig.create();
    listen();
    rig.lastSeq = 1;
    await rig.client.connect();
    await until(() => shown.length === 1);
    await rig.client.close();
    expect(shown).toEqual([1]);
  });

  test('[C2] keeps a conversation that it learned of while the first sync was under way, though that did not list it', async () => {
    const { opened, release } = gate();
    rig.server.answer = (connection, frame) => {
      if (frame.type !== 'sync') return rig.answer(connection, frame);
      rig.lastSeq = 1;
      connection.send(message(1));
      void opened.then(() => sendSync(connection, frame, []));
      return true;
    };
    const online = rig.client.connect();
    await until(() => rig.client.conversations().length === 1);
    release();
    await online;
    expect(rig.client.conversations()).toHaveLength(1);
  });
});

describe('a send that was committed before', () => {
  const stored = { ...entry(2), from: 'me', client_msg_id: 'k', content: { type: 'text', text: 'as stored' } };

  /** The repeat is acknowledged as a duplicate. */
  async function repeat(): Promise<void> {
    rig.lastSeq = 1;
    await rig.begin();
    rig.server.answer = (connection, frame) => {
      const { type, id, client_msg_id } = frame;
      if (type === 'catch_up')
        connection.send({ type: 'catch_up_result', id, entries: [stored], first_seq: 1, last_seq: 2, has_more: false });
      else if (type !== 'send') return rig.answer(connection, frame);
      else connection.send({ ...stored, type: 'ack', id, client_msg_id, duplicate: true });
      return true;
    };
  }

  test('[C10] shows and keeps what is stored, not what was given; the send resolves', async () => {
    await repeat();
    const shown: unknown[] = [];
    rig.client.on('message', ({ content }) => shown.push(content.text));
    const target = { conversationId: 'g:1' as never };
    const sent = await rig.client.send(target, { type: 'text', text: 'as given' }, { clientMsgId: 'k' as never });
    expect([sent.seq as number, shown]).toEqual([2, ['as stored']]);
    await rig.client.close();
    const kept = await rig.storage.messages({ ...target, fromSeq: 2, throughSeq: 2 });
    expect(kept.map(({ content }) => content.text)).toEqual(['as stored']);
  });

  test('an edit stays shown until its entry is read', async () => {
    await repeat();
    const edit = { type: 'hongyan.edit', target_seq: 1, content: { type: 'text', text: 'edited' } };
    const texts: unknown[] = [];
    const [first] = (await rig.client.history({ conversationId: 'g:1' as never })).messages;
    if (!first) throw new Error('the message is not there');
    rig.server.answer = (connection, { type, id, client_msg_id }) => {
      if (type === 'edit') connection.send({ ...entry(2), type: 'ack', id, client_msg_id, duplicate: true });
      if (type !== 'catch_up') return false;
      texts.push(rig.client.withPending(first).content.text);
      const entries = [{ ...entry(2), from: 'me', count: 1, content: edit }];
      connection.send({ type: 'catch_up_result', id, entries, first_seq: 1, last_seq: 2, has_more: false });
      return true;
    };
    await rig.client.edit('g:1' as never, 1 as never, edit.content);
    expect(texts).toEqual(['edited']);
    await until(() => rig.client.pendingChanges === 0);
  });
});

describe('a conversation that is left', () => {
  test('while its history is read: nothing of it is shown or kept after that', async () => {
    rig.lastSeq = 1;
    const connection = await rig.begin();
    const { opened, release, reach, reached } = gate();
    rig.server.answer = (peer, frame) => {
      if (frame.type !== 'catch_up') return rig.answer(peer, frame);
      reach();
      void opened.then(() => rig.sendPage(peer, frame));
      return true;
    };
    rig.lastSeq = 900;
    connection.send(message(900));
    await reached;
    const left = { type: 'conversation', conversation_id: 'g:1', change: 'member_left', user_id: 'me' };
    const gone = new Promise((resolve) => rig.client.on('left', resolve));
    connection.send({ ...left, conversation: change });
    await gone;
    release();
    await until(() => connection.frames.some(({ type }) => type === 'catch_up'));
    connection.send({ type: 'typing', conversation_id: 'g:2', user_id: 'you' });
    await new Promise((resolve) => rig.client.on('typing', resolve));
    await rig.client.close();
    expect(rig.shown).toEqual([]);
    expect((await rig.storage.load()).conversations).toEqual([]);
    expect(connection.frames.filter(({ type }) => type === 'catch_up')).toHaveLength(1);
  });
});

test('[C2] replaced by another tab, it does not write over what that tab keeps, until it is connected again', async () => {
  rig.lastSeq = 1;
  const connection = await rig.begin();
  const kept = async () => (await rig.storage.load()).conversations[0]?.state;
  connection.close(4203);
  (await rig.again()).close(4203);
  await until(() => rig.client.state.type === 'closed');
  const ofOtherTab = { ...((await kept()) as object), shownSeq: 5 };
  await rig.storage.putConversations([{ conversationId: 'g:1' as never, state: ofOtherTab }]);
  rig.client.markRead('g:1' as never, 1 as never);
  rig.clock.advance(300);
  await rig.client.close();
  expect(await kept()).toEqual(ofOtherTab);
  await rig.client.connect();
  await rig.client.close();
  expect(await kept()).toMatchObject({ shownSeq: 1, conversation: { read_seq: 1 } });
});

test('positions of members too many to be listed are not kept: asking for them costs no memory', async () => {
  rig.lastSeq = 1;
  const large = { ...conversation(1), members: undefined, member_count: 500 };
  rig.server.answer = (peer, frame) => {
    if (frame.type !== 'sync') return rig.answer(peer, frame);
    sendSync(peer, frame, [large]);
    return true;
  };
  await rig.begin();
  const row = (index: number) => ({
    user_id: `u${index}`,
    display_name: '',
    role: 'member',
    ...{ delivered_seq: 1, read_seq: 1 },
  });
  rig.server.http = () => Response.json({ members: Array.from({ length: 500 }, (_, index) => row(index)) });
  expect(await rig.client.members('g:1' as never)).toHaveLength(500);
  expect(rig.client.conversation('g:1' as never)?.receipts.size).toBe(0);
});

test('a message costs no copy of the positions', async () => {
  rig.lastSeq = 1;
  const connection = await rig.begin();
  connection.send({ type: 'receipt', conversation_id: 'g:1', user_id: 'you', delivered_seq: 1, read_seq: 1 });
  const you = 'you' as UserId;
  await until(() => rig.client.conversation('g:1' as never)?.receipts.get(you)?.readSeq === (1 as never));
  const before = rig.client.conversation('g:1' as never)?.receipts;
  rig.lastSeq = 2;
  connection.send(message(2));
  await until(() => rig.shown.length === 1);
  expect(rig.client.conversation('g:1' as never)?.lastSeq).toBe(2 as never);
  expect(rig.client.conversation('g:1' as never)?.receipts).toBe(before as never);
});
