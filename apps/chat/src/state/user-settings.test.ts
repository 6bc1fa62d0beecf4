import { beforeEach, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/client/api';
import { language, theme } from '../browser/settings.ts';
import { UserSettings } from './user-settings.ts';

let kept: Map<string, string>;
let found: Record<string, unknown>;
let refusal: Error | undefined;

beforeEach(() => {
  kept = new Map();
  found = {};
  refusal = undefined;
  language.set('en');
  theme.set('system');
});

function open(userId = 'ann'): UserSettings {
  return new UserSettings({
    client: {
      settings: () => found,
      set: async (name, value) => {
        if (refusal) throw refusal;
        found = { ...found, [name]: value };
      },
    },
    userId: userId as UserId,
    storage: {
      readJson: (name) => JSON.parse(kept.get(name) ?? 'null') ?? undefined,
      write: (name, value) => void kept.set(name, value),
      remove: (name) => void kept.delete(name),
    },
  });
}

test('[E21] what was chosen on another device takes effect here, and is there at the next start, for that user alone', () => {
  const settings = open();
  expect([settings.enterKey.get(), settings.receipts.get()]).toEqual(['sends', undefined]);
  found = { language: 'zh', theme: 'dark', enter_key: 'breaks', read_receipts: 'private' };
  settings.follow();
  expect([language.get(), theme.get(), settings.enterKey.get(), settings.receipts.get()] as string[]).toEqual([
    'zh',
    'dark',
    'breaks',
    'private',
  ]);
  expect([open().enterKey.get(), open().receipts.get()]).toEqual(['breaks', 'private']);
  expect(open('bob').receipts.get()).toBeUndefined();
  settings.forget();
  expect(open().receipts.get()).toBeUndefined();
});

test('[E21] values that this version does not know are those of the browser, or the default', () => {
  const settings = open();
  theme.set('light');
  found = { language: 'fr', theme: 7, enter_key: null, read_receipts: 'some' };
  settings.follow();
  expect([language.get(), theme.get(), settings.enterKey.get(), settings.receipts.get()] as string[]).toEqual([
    'en',
    'light',
    'sends',
    'shared',
  ]);
});

test('[E21] a choice that is refused is taken back', async () => {
  const settings = open();
  settings.choose('receipts', 'private');
  settings.follow();
  expect(settings.receipts.get()).toBe('private');
  refusal = new Error('refused');
  settings.receipts.set('shared');
  settings.choose('receipts', 'shared');
  await Promise.resolve();
  await Promise.resolve();
  expect(settings.receipts.get()).toBe('private');
});
