// Messages on their way to the send hook: asked once for each key [D3], and what the hook made of them.

import { unreachable } from '@hongyan/base/assert';
import { done, ok } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import QuickLRU from 'quick-lru';
import { decodeReferences } from '../../domain/message-references.ts';
import { encodeContent } from '../../domain/send.ts';
import type { MessageCommand } from '../../ports/command-log/command-log.ts';
import type { QuestionedMessage, SendHook, Verdict } from '../../ports/send-hook/send-hook.ts';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';

type Deps = Pick<CoreDeps, 'timeline' | 'limits' | 'log'>;

/** Verdicts remembered for repeats; the oldest are forgotten first, and each after a while. */
const verdictsMax = 10_000;
const verdictMs = 600_000;
/** A verdict may carry a content of the greatest size: of all together the oldest are forgotten beyond this. */
const verdictBytesMax = 32 * 1024 * 1024;

interface Asked {
  readonly answer: Promise<Result<Verdict>>;
  /** 0 while it is under way. */
  bytes: number;
}

export class SendChecks {
  readonly #deps: Deps;
  readonly #hook: SendHook;
  readonly #verdictBytesMax: number;
  readonly #asked: QuickLRU<string, Asked>;
  #bytes = 0;

  constructor(deps: Deps, hook: SendHook, bytesMax = verdictBytesMax) {
    this.#deps = deps;
    this.#hook = hook;
    this.#verdictBytesMax = bytesMax;
    const onEviction = (_key: string, { bytes }: Asked) => {
      this.#bytes -= bytes;
    };
    this.#asked = new QuickLRU({ maxSize: verdictsMax, maxAge: verdictMs, onEviction });
  }

  /** The command as it may go up. */
  async message(command: MessageCommand): Promise<Result<MessageCommand>> {
    const fingerprint = this.#fingerprint(command);
    const earlier = await this.#deps.timeline.findByClientMsgId(command);
    // [D3] What was committed is never asked again.
    if (earlier) return ok(asItWas(command, earlier, fingerprint));
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
        this.#deps.log.error('the check before sending gave a content that no client may send', {
          why: encoded.message,
        });
        return refusal.refusedBeforeSend('this message was not accepted');
      }
      default:
        return unreachable(verdict.value);
    }
  }

  /** An edit is allowed or refused. */
  async edit(question: QuestionedMessage): Promise<Result<undefined>> {
    if (await this.#deps.timeline.findByClientMsgId(question)) return done;
    const verdict = await this.#verdictOn(question, this.#hook.fingerprint(JSON.stringify(question)));
    if (verdict.type !== 'ok') return verdict;
    return verdict.value.type === 'refuse' ? refusal.refusedBeforeSend(verdict.value.reason) : done;
  }

  #fingerprint({ conversationId, contentJson, references }: MessageCommand): string {
    return this.#hook.fingerprint(JSON.stringify([conversationId, contentJson, references ?? {}]));
  }

  /** Repeats that come while it is asked, or soon after, get the same one. A hook that did not answer is asked again. */
  #verdictOn(question: QuestionedMessage, fingerprint: string): Promise<Result<Verdict>> {
    const key = `${question.from} ${question.clientMsgId} ${fingerprint}`;
    const known = this.#asked.get(key);
    if (known) return known.answer;
    const asked: Asked = { answer: this.#hook.ask(question), bytes: 0 };
    this.#asked.set(key, asked);
    asked.answer.then(
      (verdict) => (verdict.type === 'ok' ? this.#remember(key, asked, verdict.value) : this.#asked.delete(key)),
      () => this.#asked.delete(key),
    );
    return asked.answer;
  }

  #remember(key: string, asked: Asked, verdict: Verdict): void {
    if (this.#asked.peek(key) !== asked) return;
    asked.bytes = 2 * (key.length + JSON.stringify(verdict).length);
    this.#bytes += asked.bytes;
    for (const [oldest, { bytes }] of this.#asked.entriesAscending()) {
      if (this.#bytes <= this.#verdictBytesMax) return;
      // One that is under way is shared by its repeats.
      if (bytes > 0 && this.#asked.delete(oldest)) this.#bytes -= bytes;
    }
  }
}

/** A repeat of a message whose content was replaced carries the original: where it is that one, it goes up as what was stored. */
function asItWas(
  command: MessageCommand,
  { contentJson, referencesJson }: StoredEntry,
  fingerprint: string,
): MessageCommand {
  if (referencesJson === undefined) return command;
  const references = decodeReferences(referencesJson);
  return references.original === fingerprint ? { ...command, contentJson, references } : command;
}
