// Messages, edits and recalls in random order. Each text consists of a unique mark, so that any part of it can be recognized.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NewEntry } from '../timeline.ts';
import { change, type Draft, entry, erasure } from './entries.ts';

export interface TrafficOptions {
  readonly random: () => number;
  /** One character: in the ids of its conversations, of which it MUST be the only writer, and in its marks. */
  readonly name: string;
  readonly conversations: number;
}

interface Message {
  readonly in: string;
  readonly seq: number;
  /** Of its content and of its edits. */
  readonly marks: string[];
}

/** Every batch MUST be appended, in order. */
export class RecallTraffic {
  readonly #options: TrafficOptions;
  readonly #lastSeq = new Map<string, number>();
  readonly #messages: Message[] = [];
  #marks = 0;
  #ids = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** Returns what it recalls too. Shares are of the entries. */
  batch({ size, edits = 0.1, recalls = 0, atMs }: BatchOptions): {
    readonly batch: NewEntry[];
    readonly recalled: string[];
  } {
    const recalled: string[] = [];
    const batch = Array.from({ length: size }, () => {
      const dice = this.#messages.length === 0 ? 1 : this.#options.random();
      if (dice >= edits + recalls) return this.#message(atMs);
      if (dice < edits) return this.#edit(atMs);
      const [message] = this.#messages.splice(this.#below(this.#messages.length), 1);
      if (!message) return this.#message(atMs);
      recalled.push(...message.marks);
      this.#next(message.in);
      return erasure(message.seq, { in: message.in, ...this.#own(atMs) });
    });
    return { batch, recalled };
  }

  #message(atMs: number | undefined): NewEntry {
    const conversation = `g:${this.#options.name}:${this.#below(this.#options.conversations)}`;
    const { mark, content } = this.#text();
    this.#messages.push({ in: conversation, seq: this.#next(conversation), marks: [mark] });
    return entry({ in: conversation, content, ...this.#own(atMs) });
  }

  #edit(atMs: number | undefined): NewEntry {
    const message = this.#messages[this.#below(this.#messages.length)];
    if (!message) return this.#message(atMs);
    const { mark, content } = this.#text();
    message.marks.push(mark);
    this.#next(message.in);
    return change(message.seq, { in: message.in, content, state: content, ...this.#own(atMs) });
  }

  /** One in a hundred is longer than a page. */
  #text(): { readonly mark: string; readonly content: string } {
    const mark = `~${this.#options.name}${(this.#marks++).toString(36).padStart(5, '0')}`;
    const times = this.#below(100) === 0 ? 1_000 : 3 + this.#below(40);
    return { mark, content: JSON.stringify({ type: 'text', text: mark.repeat(times) }) };
  }

  /** Ids that no other process gives. */
  #own(atMs: number | undefined): Pick<Draft, 'key' | 'msgId' | 'atMs'> {
    const id = `${this.#options.name} ${this.#ids++}`;
    return { key: id, msgId: id, ...(atMs !== undefined && { atMs }) };
  }

  #next(conversation: string): number {
    const seq = (this.#lastSeq.get(conversation) ?? 0) + 1;
    this.#lastSeq.set(conversation, seq);
    return seq;
  }

  #below(end: number): number {
    return Math.floor(this.#options.random() * end);
  }
}

interface BatchOptions {
  readonly size: number;
  readonly edits?: number;
  readonly recalls?: number;
  readonly atMs?: number;
}

/** "file: mark" for each of the marks that some file of the folder holds. */
export function marksLeft(folder: string, marks: ReadonlySet<string>): string[] {
  const left = new Set<string>();
  for (const file of readdirSync(folder, { withFileTypes: true })) {
    if (!file.isFile()) continue;
    for (const [mark] of readFileSync(join(folder, file.name), 'latin1').matchAll(/~[0-9a-z]{6}/g))
      if (marks.has(mark)) left.add(`${file.name}: ${mark}`);
  }
  return [...left];
}
