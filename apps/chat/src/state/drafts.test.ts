import { beforeEach, describe, expect, test } from 'bun:test';
import type { ConversationId, ConversationView, Draft, UserId } from '@hongyan/client/api';
import { ClientError } from '@hongyan/client/client-error';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { Drafts } from './drafts.ts';

const ann = 'ann' as UserId;
const id = 'd:ann:bob' as ConversationId;

/** What is saved waits for the test's answer; storage and clock outlive a page. */
class Page {
  readonly saves: { readonly text: string; readonly base: number; settle(error?: ClientError): Promise<void> }[] = [];
  readonly drafts: Drafts;
  #draft: Draft | undefined;

  constructor(kept: Map<string, string>, clock: ManualClock) {
    this.drafts = new Drafts({
      client: {
        saveDraft: (_id, text, base) =>
          new Promise((resolve, reject) => {
            const settle = async (error?: ClientError) => {
              if (error) reject(error);
              else resolve();
              await Promise.resolve();
            };
            this.saves.push({ text, base, settle });
          }),
        conversation: () => this.#view(),
      },
      userId: ann,
      storage: {
        readJson: (name) => JSON.parse(kept.get(name) ?? 'null') ?? undefined,
        write: (name, value) => void kept.set(name, value),
        remove: (name) => void kept.delete(name),
      },
      clock,
    });
  }

  /** The user's devices have this draft now. */
  shows(draft?: Draft): void {
    this.#draft = draft;
    this.drafts.follow(this.#view());
  }

  get text(): string {
    return this.drafts.get(id);
  }
  get others(): readonly string[] {
    return this.drafts.others(this.#view());
  }
  choose(text: string): void {
    this.drafts.choose(this.#view(), text);
  }

  #view(): ConversationView {
    return { conversationId: id, ...(this.#draft ? { draft: this.#draft } : {}) } as ConversationView;
  }
}

let kept: Map<string, string>;
let clock: ManualClock;
let page: Page;
beforeEach(() => {
  kept = new Map();
  clock = new ManualClock();
  page = new Page(kept, clock);
});
const draft = (text: string, revision: number, ...others: string[]): Draft => ({ text, revision, others });
const saved = () => page.saves.map(({ text, base }) => [text, base]);

describe('[E22] a draft', () => {
  test('is saved a moment after the last key, at once when it was sent, and not again', async () => {
    for (const text of ['h', 'he', 'hello']) page.drafts.set(id, text);
    expect(saved()).toEqual([]);
    clock.advance(800);
    expect(saved()).toEqual([['hello', 0]]);
    page.shows(draft('hello', 0));
    await page.saves[0]?.settle();
    page.shows(draft('hello', 3));
    page.drafts.flush();
    clock.advance(10_000);
    expect(saved()).toHaveLength(1);
    page.drafts.set(id, '');
    expect(saved()).toEqual([
      ['hello', 0],
      ['', 3],
    ]);
  });

  test('of another device is taken over where nothing was written here since', () => {
    page.shows(draft('theirs', 5));
    expect(page.text).toBe('theirs');
    page.drafts.set(id, 'theirs, continued');
    page.shows(draft('theirs again', 6));
    expect(page.text).toBe('theirs, continued');
    clock.advance(800);
    expect(saved()).toEqual([['theirs, continued', 5]]);
  });

  test('stays in its place beside another until the choice, and what is written meanwhile continues none', async () => {
    page.drafts.set(id, 'mine');
    page.drafts.flush();
    page.shows(draft('mine', 0));
    await page.saves[0]?.settle();
    page.shows(draft('theirs', 7, 'mine'));
    expect([page.text, page.others]).toEqual(['mine', ['theirs']]);
    page.drafts.set(id, 'mine!');
    page.drafts.flush();
    expect(saved().at(-1)).toEqual(['mine!', 0]);
    page.shows(draft('mine!', 8, 'theirs'));
    expect([page.text, page.others]).toEqual(['mine!', ['theirs']]);
    page.choose('theirs');
    expect(saved().at(-1)).toEqual(['theirs', 8]);
    expect(page.text).toBe('theirs');
  });

  test('that was sent leaves the other text, which is the draft then', async () => {
    page.drafts.set(id, 'mine');
    page.drafts.flush();
    page.shows(draft('mine', 0));
    await page.saves[0]?.settle();
    page.shows(draft('mine', 8, 'theirs'));
    page.drafts.set(id, '');
    page.shows(draft('theirs', 9));
    expect(page.text).toBe('');
    await page.saves[1]?.settle();
    expect(page.text).toBe('theirs');
  });

  test('that no server has yet survives a reload, and is saved again', () => {
    page.drafts.set(id, 'half a sent');
    page.drafts.flush();
    page.shows(draft('half a sent', 0));
    page = new Page(kept, clock);
    page.shows();
    expect(page.text).toBe('half a sent');
    clock.advance(800);
    expect(saved()).toEqual([['half a sent', 0]]);
  });

  test('that was sent on another device while this page was closed is gone', async () => {
    page.drafts.set(id, 'sent elsewhere');
    page.drafts.flush();
    page.shows(draft('sent elsewhere', 4));
    await page.saves[0]?.settle();
    page = new Page(kept, clock);
    page.shows();
    expect(page.text).toBe('');
    clock.advance(10_000);
    expect(saved()).toEqual([]);
  });

  test('that was refused stays here, and is saved with the next key alone', async () => {
    page.drafts.set(id, 'too long');
    page.drafts.flush();
    await page.saves[0]?.settle(new ClientError('too_large', 'too long'));
    page.shows();
    clock.advance(10_000);
    expect([page.text, saved().length]).toEqual(['too long', 1]);
    page.drafts.set(id, 'shorter');
    clock.advance(800);
    expect(saved().at(-1)).toEqual(['shorter', 0]);
  });

  test('of an earlier version of the page is read and saved', () => {
    kept.set('drafts.ann', JSON.stringify([[id, 'old'], ['d:ann:x'], 7]));
    page = new Page(kept, clock);
    page.shows();
    clock.advance(800);
    expect(saved()).toEqual([['old', 0]]);
  });

  test('that was forgotten is neither kept nor saved again by a composer that is taken away', async () => {
    page.drafts.set(id, 'half a sent');
    page.drafts.flush();
    page.drafts.set(id, 'half a sentence');
    page.drafts.forget();
    page.drafts.flush(id);
    page.drafts.set(id, 'later');
    clock.advance(10_000);
    await page.saves[0]?.settle();
    expect([saved(), [...kept]]).toEqual([[['half a sent', 0]], []]);
  });
});
