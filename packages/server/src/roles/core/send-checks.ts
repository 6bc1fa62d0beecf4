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

export class SendChecks {
  readonly #deps: Deps;
  readonly #hook: SendHook;
  readonly #verdicts = new QuickLRU<string, Promise<Result<Verdict>>>({ maxSize: verdictsMax, maxAge: verdictMs });

  constructor(deps: Deps, hook: SendHook) {
    this.#deps = deps;
    this.#hook = hook;
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
    const known = this.#verdicts.get(key);
    if (known) return known;
    const asking = this.#hook.ask(question);
    this.#verdicts.set(key, asking);
    asking.then(
      ({ type }) => type === 'ok' || this.#verdicts.delete(key),
      () => this.#verdicts.delete(key),
    );
    return asking;
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
