// Text for a terminal: tables, times, and contents on one line.

import type { Content } from '@hongyan/protocol/content';
import { printable } from '@hongyan/terminal/printable';

/** Columns as wide as their widest cell; numbers stand at the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((name, column) => Math.max(...[name, ...rows.map((row) => row[column] ?? '')].map(widthOf)));
  const isNumeric = head.map(
    (_name, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'),
  );
  const line = (cells: readonly (string | number)[]) =>
    cells
      .map((cell, column) => {
        const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)));
        return isNumeric[column] ? `${padding}${cell}` : `${cell}${padding}`;
      })
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((cells) => `  ${line(cells)}`).join('\n');
}

/** 2026-11-24 09:30:05.120Z */
export const timeOf = (unixMs: number): string => new Date(unixMs).toISOString().replace('T', ' ');

/** One line: the text of a text message, else the content's JSON. */
export function contentLine(content: Content, charsMax: number): string {
  const text = content.type === 'text' && typeof content.text === 'string' ? content.text : JSON.stringify(content);
  const characters = [...printable(text)];
  return characters.length > charsMax ? `${characters.slice(0, charsMax - 1).join('')}…` : characters.join('');
}

const widthOf = (cell: string | number): number => Bun.stringWidth(String(cell));
