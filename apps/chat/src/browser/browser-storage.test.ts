// localStorage that refuses: nothing throws, and the page goes on with what it has in memory.

import { afterEach, expect, test } from 'bun:test';
import { BrowserStorage, storageName } from './browser-storage.ts';

const globals = globalThis as { localStorage?: unknown; location?: unknown };
const before = { localStorage: globals.localStorage, location: globals.location };
afterEach(() => Object.assign(globals, before));

function place(href: string, storage: Partial<Storage>): Map<string, string> {
  const values = new Map<string, string>();
  Object.assign(globals, {
    location: new URL(href),
    localStorage: {
      getItem: (key: string) => values.get(key) ?? null,
      setItem: (key: string, value: string) => void values.set(key, value),
      removeItem: (key: string) => void values.delete(key),
      ...storage,
    },
  });
  return values;
}
const refuse = () => {
  throw new DOMException('full', 'QuotaExceededError');
};

test('a value that the browser refuses is kept in memory, and the older one is not read again', () => {
  const values = place('http://host/', { setItem: refuse });
  values.set('hongyan.theme', 'light');
  const storage = new BrowserStorage();
  storage.write('theme', 'dark');
  expect(storage.read('theme')).toBe('dark');
  expect(values.size).toBe(0);
});

test('a blocked storage has nothing and refuses nothing', () => {
  place('http://host/', { getItem: refuse, setItem: refuse, removeItem: refuse });
  const storage = new BrowserStorage();
  expect(storage.read('theme')).toBeUndefined();
  storage.write('theme', 'dark');
  storage.remove('theme');
  expect(storage.read('theme')).toBeUndefined();
});

test('what is no JSON reads as nothing', () => {
  const values = place('http://host/', {});
  values.set('hongyan.drafts', '[["d:a:b"');
  expect(new BrowserStorage().readJson('drafts')).toBeUndefined();
});

test('two installations on one host have names of their own', () => {
  place('http://host/', {});
  expect(storageName('session')).toBe('hongyan.session');
  place('http://host/im/index.html', {});
  expect(storageName('session')).toBe('hongyan/im.session');
});
