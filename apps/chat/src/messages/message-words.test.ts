import { expect, test } from 'bun:test';
import type { ClientMessage, Content, UserId } from '@hongyan/client/api';
import i18next from 'i18next';
import { en } from '../i18n/en.ts';
import { textOf, usersIn } from './message-words.ts';

await i18next.init({ lng: 'en', resources: { en: { translation: en } }, interpolation: { escapeValue: false } });
const { t } = i18next;

const from = 'ann' as UserId;
const message = (content: Content) => ({ from, content }) as ClientMessage;
const words = (content: Content) =>
  textOf(message(content), { t, nameOf: (userId) => userId, kind: 'group' }).replace(/[\u2066-\u2069]/g, '');
const created = (user_ids: readonly string[], user_count?: number) => ({
  type: 'hongyan.members',
  change: 'created',
  user_ids,
  ...(user_count === undefined ? {} : { user_count }),
});

test('a line about many members names three and counts the others, also those that the entry does not list', () => {
  expect(words(created(['bob', 'cid', 'dan']))).toBe('ann created the group with bob, cid, dan');
  expect(words(created(['bob', 'cid', 'dan', 'eve']))).toBe('ann created the group with bob, cid, dan and 1 other');
  expect(words(created(['bob', 'cid', 'dan', 'eve'], 150))).toBe(
    'ann created the group with bob, cid, dan and 147 others',
  );
  expect(usersIn(message(created(['ann', 'bob', 'cid', 'dan', 'eve'])))).toEqual(['ann', 'bob', 'cid', 'dan'] as never);
});

test('a content of an unknown type is shown by its text, where it has one', () => {
  expect(words({ type: 'card', text: 'A card' })).toBe('A card');
  expect(words({ type: 'card', text: 7 as never })).toBe('This message cannot be shown here (card)');
  expect(words({ type: 'card' })).toBe('This message cannot be shown here (card)');
});
