import { expect, test } from 'bun:test';
import { openFilesForConnections } from './open-files.ts';

const line = (soft: string) =>
  `Max processes             10  10  processes\nMax open files            ${soft}   20000   files\n`;

test('connections leave a reserve of the open files', () => {
  expect(openFilesForConnections(line('20000'))).toBe(19_488);
  expect(openFilesForConnections(line('unlimited'))).toBe(Number.MAX_SAFE_INTEGER);
  expect(openFilesForConnections('')).toBe(Number.MAX_SAFE_INTEGER);
  expect(openFilesForConnections()).toBeGreaterThan(100);
});
