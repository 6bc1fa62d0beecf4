// What users set for themselves, on real servers: it follows from one device to the other, and no one else sees it.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Client, ClientStorage, ConversationId, Seq, UserId } from '@hongyan/client';
import { createClient, createMemoryStorage, signup } from '@hongyan/client';
import { until } from '@hongyan/testing/until';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { profiles } from './profiles.ts';

describe.each(profiles)('the private timeline on $name', (profile) => {
  let server: ServerProcess;
  let count = 100;
  const open: Client[] = [];
  beforeAll(async () => {
    server = await profile.start();
  });
  afterAll(async () => {
    await Promise.all(open.map((client) => client.close()));
    await killServers();
    await removeDataFolders();
  });

  async function join() {
    const userId = `own-${count++}` as UserId;
    const { access_token } = await signup({ url: server.url, userId, password: 'correct horse' });
    const device = async (storage: ClientStorage = createMemoryStorage()) => {
      const client = createClient({ url: server.url, token: () => access_token, storage });
      open.push(client);
      await client.connect();
      return client;
    };
    return { userId, device };
  }

  /** Two devices of ann, and bob, who has written to her. */
  async function begin() {
    const [ann, bob] = [await join(), await join()];
    const storage = createMemoryStorage();
    const [phone, desktop, other] = [await ann.device(), await ann.device(storage), await bob.device()];
    const { conversationId } = await other.send({ to: ann.userId }, { type: 'text', text: 'hello' });
    const views = () => [phone, desktop].map((client) => client.conversation(conversationId));
    await until(() => views().every((view) => view?.lastSeq === 1));
    return { ann, bob: other, phone, desktop, storage, conversationId, views };
  }

  test('[E21] what is set on one device is so on the other, on a new one, and on one that was away', async () => {
    const { ann, phone, desktop, storage, conversationId, views } = await begin();
    await desktop.close();
    const untilMs = Date.now() + 3_600_000;
    await Promise.all([
      phone.mute(conversationId, untilMs),
      phone.pinConversation(conversationId, true),
      phone.archive(conversationId, true),
      phone.saveDraft(conversationId, 'half a sent', 0),
      phone.set('language', 'zh'),
    ]);
    const [back, fresh] = [await ann.device(storage), await ann.device()];
    for (const client of [phone, back, fresh]) {
      expect(client.conversation(conversationId)).toMatchObject({
        ...{ isMuted: true, mutedUntilMs: untilMs, isPinned: true, isArchived: true },
        draft: { text: 'half a sent', others: [] },
      });
      expect(client.settings()).toEqual({ language: 'zh' });
    }
    await fresh.pinConversation(conversationId, false);
    await until(() => [phone, back].every((client) => client.conversation(conversationId)?.isPinned === false));
    expect(views()[0]?.isMuted).toBe(true);
  });

  test('[E22] two devices write a draft at once: both have both texts until the user chooses', async () => {
    const { phone, desktop, conversationId, views } = await begin();
    await phone.saveDraft(conversationId, 'from the phone', 0);
    await desktop.saveDraft(conversationId, 'from the desktop', 0);
    await until(() => views().every((view) => view?.draft?.others.length === 1));
    const [draft] = views().map((view) => view?.draft);
    expect(draft).toMatchObject({ text: 'from the desktop', others: ['from the phone'] });
    await phone.saveDraft(conversationId, 'from the phone', draft?.revision ?? 0);
    await until(() => views().every((view) => view?.draft?.others.length === 0));
    expect(views().map((view) => view?.draft?.text)).toEqual(['from the phone', 'from the phone']);
  });

  test('[E23] what is read in private is read on all own devices, and for the others it is not', async () => {
    const { phone, bob, conversationId, views } = await begin();
    const receipts: unknown[] = [];
    bob.on('receipt', (receipt) => {
      if (receipt.read_seq > 0 && receipt.user_id !== bob.userId) receipts.push(receipt);
    });
    expect(views().map((view) => view?.unread)).toEqual([1, 1]);
    await phone.markReadInPrivate(conversationId, 1 as Seq);
    await until(() => views().every((view) => view?.unread === 0));
    const { msgId } = await bob.send({ conversationId }, { type: 'text', text: 'and?' });
    await until(() => views().every((view) => view?.unread === 1));
    expect(receipts).toEqual([]);
    expect((await bob.whereIs({ msgId: msgId as NonNullable<typeof msgId> })).read_count).toBe(0);
  });

  test('[E24] an archived conversation comes back with a message, and not while it is muted', async () => {
    const { phone, bob, conversationId, views } = await begin();
    await phone.archive(conversationId, true);
    await until(() => views().every((view) => view?.isArchived));
    await bob.send({ conversationId }, { type: 'text', text: 'there?' });
    await until(() => views().every((view) => view?.lastSeq === 2 && !view.isArchived));
    await phone.mute(conversationId, Date.now() + 3_600_000);
    await phone.archive(conversationId, true);
    await bob.send({ conversationId }, { type: 'text', text: 'hello?' });
    await until(() => views().every((view) => view?.lastSeq === 3));
    expect(views().map((view) => view?.isArchived)).toEqual([true, true]);
  });

  test('[E20] the others receive nothing of it', async () => {
    const { phone, bob, conversationId } = await begin();
    const before = JSON.stringify(bob.conversation(conversationId));
    await phone.pinConversation(conversationId, true);
    await phone.saveDraft(conversationId, 'for me alone', 0);
    await phone.send({ conversationId }, { type: 'text', text: 'and for you' });
    await until(() => bob.conversation(conversationId)?.lastSeq === 2);
    expect(bob.conversations().map((view) => view.conversationId as ConversationId)).toEqual([conversationId]);
    expect(bob.conversation(conversationId)).toMatchObject({ isPinned: false });
    expect(before).not.toContain('alone');
    expect(bob.settings()).toEqual({});
  });
});
