// What opening a conversation from the device's own storage takes: in a browser, in the web chat there, and in a SQLite file.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UserId } from '@hongyan/client';
import { createBunSqliteStorage } from '@hongyan/client/bun-sqlite-storage';
import { openStage } from '../tests/e2e/browser.ts';
import { Person } from '../tests/e2e/person.ts';
import type { BenchPage } from './device-history/bench-page.ts';
import { fill, openings, type Sizes } from './device-history/openings.ts';
import { tableOf } from './report.ts';

const sizes: Sizes = { conversations: 200, messages: 500, page: 100, rounds: 100 };
/** All in view: the list has elements for those alone. */
const chatRounds = 10;

/** In the page; bench-page.ts puts it there. */
declare const benchPage: BenchPage;

const rows: string[][] = [];

function report(where: string, msEach: readonly number[]): void {
  const sorted = msEach.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  rows.push([where, String(sorted.length), at(0.5), at(0.9), at(1)]);
}

async function inSqlite(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hongyan-bench-'));
  try {
    const open = () => createBunSqliteStorage(join(folder, 'state.db'));
    await fill(open(), sizes);
    const { first, next } = await openings(open, sizes);
    report('SQLite: first after the start', first);
    report('SQLite: next', next);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function inBrowser(): Promise<void> {
  const stage = await openStage('bench-device-history');
  try {
    const page = await (await stage.context()).newPage();
    await page.goto(stage.server.url);
    await page.evaluate(await bundled());
    const { first, next } = await page.evaluate((of) => benchPage.run(of), sizes);
    report('IndexedDB: first after the page was loaded', first);
    report('IndexedDB: next', next);

    const names = Array.from({ length: chatRounds }, (_, index) => `ann${index}`);
    const ann = await Person.signUp(await stage.context(), stage.server.url, 'ann');
    for (const name of names) {
      const other = await stage.client(name);
      const texts = Array.from({ length: sizes.page }, (_, index) => `message ${index} of a conversation`);
      await Promise.all(texts.map((text) => other.send({ to: 'ann' as UserId }, { type: 'text', text })));
      await ann.open(name);
      await ann.page.locator('.jump').click();
      await ann.sees(`message ${sizes.page - 1} of a conversation`);
    }
    await ann.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    // What is stored is stored within a moment.
    await ann.page.waitForTimeout(2_000);
    await stage.server.stop();
    await ann.page.reload();
    await ann.page.locator('.conversation').first().waitFor();
    const each: number[] = [];
    for (const name of names) each.push(await ann.page.evaluate(clickToShown, name));
    report('web chat without a server: from the click to the messages on the screen', each);
  } finally {
    await stage.end();
  }
}

/** Runs in the page: until the frame after the one in which the messages stand in their place. */
function clickToShown(title: string): Promise<number> {
  const item = [...document.querySelectorAll<HTMLElement>('.conversation')].find(
    (one) => one.querySelector('.conversation-title')?.textContent === title,
  );
  const startedMs = performance.now();
  item?.click();
  return new Promise((resolve) => {
    const look = () => {
      const pane = document.querySelector(`.pane[data-id*="${title}:"], .pane[data-id$=":${title}"]`);
      if (pane?.querySelector('.messages-scroll[data-placed=true] .message')) resolve(performance.now() - startedMs);
      else requestAnimationFrame(look);
    };
    look();
  });
}

async function bundled(): Promise<string> {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, 'device-history/bench-page.ts')],
    target: 'browser',
    format: 'iife',
  });
  const [script] = built.outputs;
  if (!script) throw new Error('the bundler produced no file');
  return script.text();
}

await inSqlite();
await inBrowser();
console.log(
  `${sizes.conversations} conversations of ${sizes.messages} messages; a page of ${sizes.page}\n\n${tableOf(
    ['opening', 'times', 'ms p50', 'p90', 'max'],
    rows,
  ).join('\n')}`,
);
