// Submits messages to the send hook, once per key [D3], and applies its verdicts.

import { unreachable } from '@hongyan/base/assert';
import { done, ok } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import QuickLRU from 'quick-lru';
import { decodeReferences } from '../../domain/message-references.ts';
import { encodeContent } from '../../domain/send.ts';
import type { MessageCommand } from '../../ports/command-log/command-log.ts';
import type { CheckedMessage, SendHook, Verdict } from '../../ports/send-hook/send-hook.ts';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';

type Deps = Pick<CoreDeps, 'timeline' | 'limits' | 'log'>;

/** Verdicts cached for repeats; the least recently used are evicted first, and each expires. */
const verdictsMax = 10_000;
const verdictMs = 600_000;
/** Total size of cached verdicts, which may contain large contents; beyond it the oldest are evicted. */
const verdictBytesMax = 32 * 1024 * 1024;

interface CachedVerdict {
  readonly answer: Promise<Result<Verdict>>;
  /** 0 while the request is in flight. */
  bytes: number;
}

export class SendChecks {
  readonly #deps: Deps;
  readonly #hook: SendHook;
  readonly #verdictBytesMax: number;
  readonly #verdicts: QuickLRU<string, CachedVerdict>;
  #bytes = 0;

  constructor(deps: Deps, hook: SendHook, bytesMax = verdictBytesMax) {
    this.#deps = deps;
    this.#hook = hook;
    this.#verdictBytesMax = bytesMax;
    const onEviction = (_key: string, { bytes }: CachedVerdict) => {
      this.#bytes -= bytes;
    };
    this.#verdicts = new QuickLRU({ maxSize: verdictsMax, maxAge: verdictMs, onEviction });
  }

  /** The command to submit: unchanged, or with the content of the hook. */
  async message(command: MessageCommand): Promise<Result<MessageCommand>> {
    const fingerprint = this.#fingerprint(command);
    const earlier = await this.#deps.timeline.findByClientMsgId(command);
    // [D3] The hook is not called again for a committed message.
    if (earlier) return ok(withStoredContent(command, earlier, fingerprint));
    const { conversationId, from, clientMsgId, contentJson, references } = command;
    const question = { conversationId, from, clientMsgId, contentJson, ...references };
    const verdict = await this.#verdictOn(question, fingerprint);
    if (verdict.type !== 'ok') return verdict;
    switch (verdict.value.type) {
      case 'allow':
        return ok(command);
      case 'refuse':
        return refusal.refusedBeforeSend(verdict.value.reason);
      case 'replace': {
        const encoded = encodeContent(verdict.value.content, this.#deps.limits.contentBytesMax);
        if (encoded.type === 'ok')
          return ok({ ...command, contentJson: encoded.value, references: { ...references, original: fingerprint } });
        this.#deps.log.error('the send hook returned content that no client may send', {
          why: encoded.message,
        });
        return refusal.refusedBeforeSend('this message was not accepted');
      }
      default:
        return unreachable(verdict.value);
    }
  }

  /** The hook can allow or refuse an edit, but not replace its content. */
  async edit(question: CheckedMessage): Promise<Result<undefined>> {
    if (await this.#deps.timeline.findByClientMsgId(question)) return done;
    const verdict = await this.#verdictOn(question, this.#hook.fingerprint(JSON.stringify(question)));
    if (verdict.type !== 'ok') return verdict;
    return verdict.value.type === 'refuse' ? refusal.refusedBeforeSend(verdict.value.reason) : done;
  }

  #fingerprint({ conversationId, contentJson, references }: MessageCommand): string {
    return this.#hook.fingerprint(JSON.stringify([conversationId, contentJson, references ?? {}]));
  }

  /** Concurrent and recent repeats share one verdict. If the hook did not respond, it is called again. */
  #verdictOn(question: CheckedMessage, fingerprint: string): Promise<Result<Verdict>> {
    const key = `${question.from} ${question.clientMsgId} ${fingerprint}`;
    const known = this.#verdicts.get(key);
    if (known) return known.answer;
    const cached: CachedVerdict = { answer: this.#hook.check(question), bytes: 0 };
    this.#verdicts.set(key, cached);
    cached.answer.then(
      (verdict) => (verdict.type === 'ok' ? this.#retain(key, cached, verdict.value) : this.#verdicts.delete(key)),
      () => this.#verdicts.delete(key),
    );
    return cached.answer;
  }

  #retain(key: string, cached: CachedVerdict, verdict: Verdict): void {
    if (this.#verdicts.peek(key) !== cached) return;
    cached.bytes = 2 * (key.length + JSON.stringify(verdict).length);
    this.#bytes += cached.bytes;
    for (const [oldest, { bytes }] of this.#verdicts.entriesAscending()) {
      if (this.#bytes <= this.#verdictBytesMax) return;
      // A request in flight stays: its repeats share it.
      if (bytes > 0 && this.#verdicts.delete(oldest)) this.#bytes -= bytes;
    }
  }
}

/** A repeat carries the original content. If the hook replaced that content, the command continues with the stored one. */
function withStoredContent(
  command: MessageCommand,
  { contentJson, referencesJson }: StoredEntry,
  fingerprint: string,
): MessageCommand {
  if (referencesJson === undefined) return command;
  const references = decodeReferences(referencesJson);
  return references.original === fingerprint ? { ...command, contentJson, references } : command;
}
