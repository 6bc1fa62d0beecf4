// Edits as the composer makes them, and refusals that are kept.

import { expect, test } from 'bun:test';
import type { Client, ClientMessage, Content, ConversationId, Seq, UserId } from '@hongyan/client/api';
import { MessageChanges } from './message-changes.ts';

const id = 'g:1' as ConversationId;
const seq = 7 as Seq;

/** Records what is asked of the client, which takes everything. */
function begin(kept = new Map<string, string>()) {
  const asked: unknown[][] = [];
  const ask =
    (name: string) =>
    async (...args: unknown[]) =>
      void asked.push([name, ...args]);
  const client = { edit: ask('edit'), recall: ask('recall'), react: ask('react') } as unknown as Client;
  const storage = {
    readJson: (name: string) => JSON.parse(kept.get(name) ?? 'null') ?? undefined,
    write: (name: string, value: string) => void kept.set(name, value),
    remove: (name: string) => void kept.delete(name),
  };
  return { changes: new MessageChanges({ client, userId: 'ann' as UserId, storage }), asked, kept };
}
const message = (more: Partial<ClientMessage> = {}): ClientMessage =>
  ({ conversationId: id, seq, content: { type: 'text', text: 'old', mentions: ['ben'] }, ...more }) as ClientMessage;
const edit = (text: string): Content => ({ type: 'hongyan.edit', target_seq: seq, content: { type: 'text', text } });
const conflict = { code: 'conflict', message: 'edited meanwhile' };

test('an edit replaces the text and nothing else of the content, and names the edit that was seen', () => {
  const { changes, asked } = begin();
  changes.beginEdit(message({ edited: 9 as Seq }));
  changes.writeEdit(id, ' new ');
  changes.saveEdit(id);
  expect(asked).toEqual([['edit', id, seq, { type: 'text', text: 'new', mentions: ['ben'] }, { expectEdited: 9 }]]);
  expect(changes.edits.get().size).toBe(0);
});

test('an unchanged text is no edit, and an empty one is not saved', () => {
  const { changes, asked } = begin();
  changes.beginEdit(message());
  changes.writeEdit(id, '  ');
  changes.saveEdit(id);
  expect(changes.edits.get().size).toBe(1);
  changes.writeEdit(id, 'old\n');
  changes.saveEdit(id);
  expect(changes.edits.get().size).toBe(0);
  expect(asked).toEqual([]);
});

test('a message with an earlier edit on its way is edited whatever its seq will be', () => {
  const { changes, asked } = begin();
  changes.beginEdit(message({ edited: 8 as Seq, isPending: true }));
  changes.writeEdit(id, 'newer');
  changes.saveEdit(id);
  expect(asked[0]?.[4]).toEqual({});
});

test('the text of a refused edit stays until it is dismissed, whatever else is done or refused', () => {
  const { changes } = begin();
  changes.wasRefused({ conversationId: id, seq }, conflict, edit('mine'));
  changes.clear(id);
  changes.toggleReaction(message(), '👍');
  changes.wasRefused({ conversationId: id, seq }, conflict, { type: 'hongyan.reaction' });
  expect(changes.refused.get().get(id)?.content).toEqual(edit('mine'));
  changes.wasRefused({ conversationId: id, seq }, conflict, edit('mine again'));
  expect(changes.refused.get().get(id)?.content).toEqual(edit('mine again'));
  changes.dismiss(id);
  changes.wasRefused({ conversationId: id, seq }, conflict, { type: 'hongyan.reaction' });
  changes.clear(id);
  expect(changes.refused.get().size).toBe(0);
});

test('a recall ends the edit of the same message', () => {
  const { changes, asked } = begin();
  changes.beginEdit(message());
  changes.recall(message());
  expect([changes.edits.get().size, asked]).toEqual([0, [['recall', id, seq]]]);
});

const other = message({ seq: 8 as Seq, content: { type: 'text', text: 'another' } });
const textOf = (changes: MessageChanges) => changes.edits.get().get(id)?.text;

test('[E4] a changed text comes back when its message is edited again, whatever came between, until it is saved or given up', () => {
  const { changes, asked } = begin();
  changes.beginEdit(message({ edited: 9 as Seq }));
  changes.writeEdit(id, 'careful words');
  changes.beginEdit(other);
  expect(textOf(changes)).toBe('another');
  changes.leaveEdit(id);
  changes.beginEdit(message({ edited: 12 as Seq }));
  expect(textOf(changes)).toBe('careful words');
  changes.saveEdit(id);
  // It was written before the newer edit was seen.
  expect(asked[0]?.[4]).toEqual({ expectEdited: 9 });
  changes.beginEdit(message());
  expect(textOf(changes)).toBe('old');
  changes.writeEdit(id, 'given up');
  changes.endEdit(id);
  changes.beginEdit(message());
  expect(textOf(changes)).toBe('old');
});

test('[E4] edits survive a reload; a recall takes the text of the message from what is kept, the end of the session all', () => {
  const { changes, kept } = begin();
  changes.beginEdit(message());
  changes.writeEdit(id, 'careful words');
  changes.beginEdit(other);
  changes.writeEdit(id, 'other words');
  const after = begin(kept).changes;
  expect(textOf(after)).toBe('other words');
  after.beginEdit(message());
  expect(textOf(after)).toBe('careful words');
  const from = 'bob' as UserId;
  after.changed(id, { seq: 20 as Seq, from, content: { type: 'hongyan.recall', target_seq: seq } });
  expect(textOf(after)).toBe('careful words');
  expect([...kept.values()].join()).not.toContain('"old"');
  after.changed(id, { seq: 21 as Seq, from, content: { type: 'hongyan.recall', target_seq: 8 } });
  expect([...kept.values()].join()).not.toContain('other');
  after.forgetAll();
  after.writeEdit(id, 'later');
  expect([...kept]).toEqual([]);
});
