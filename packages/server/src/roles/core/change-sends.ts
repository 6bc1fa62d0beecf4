// The operations edit, recall, react, pin and unpin: what can be checked before the log is, then the command goes up like any send.

import { assert } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import type { Ack } from '@hongyan/protocol/operations/ack';
import type { Input } from '@hongyan/protocol/operations/operations';
import type { Result } from '@hongyan/protocol/refusals';
import { type MessageChange, reactionKey } from '../../domain/message-change.ts';
import { checkKey, encodeContent } from '../../domain/send.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { CoreDeps } from './deps.ts';
import type { SubmitOrder } from './submit-order.ts';

type Target = Pick<Input<'recall'>, 'conversation_id' | 'target_seq' | 'client_msg_id'>;

export class ChangeSends {
  readonly #deps: Pick<CoreDeps, 'limits'>;
  readonly #order: SubmitOrder;

  constructor(deps: Pick<CoreDeps, 'limits'>, order: SubmitOrder) {
    this.#deps = deps;
    this.#order = order;
  }

  async edit(caller: Caller, { content, expect_seq: expectSeq, ...target }: Input<'edit'>): Promise<Result<Ack>> {
    const encoded = encodeContent(content, this.#deps.limits.contentBytesMax);
    if (encoded.type !== 'ok') return encoded;
    return this.#submit(caller, target, { type: 'edit', content, expectSeq });
  }

  async recall(caller: Caller, { reason, ...target }: Input<'recall'>): Promise<Result<Ack>> {
    return this.#submit(caller, target, { type: 'recall', reason });
  }

  async react(caller: Caller, { key: asWritten, op, ...target }: Input<'react'>): Promise<Result<Ack>> {
    const key = reactionKey(asWritten);
    if (key.type !== 'ok') return key;
    return this.#submit(caller, target, { type: 'react', key: key.value, op });
  }

  async pin(caller: Caller, target: Input<'pin'>): Promise<Result<Ack>> {
    return this.#submit(caller, target, { type: 'pin', pinned: true });
  }

  async unpin(caller: Caller, target: Input<'unpin'>): Promise<Result<Ack>> {
    return this.#submit(caller, target, { type: 'pin', pinned: false });
  }

  async #submit({ userId: from }: Caller, target: Target, change: MessageChange): Promise<Result<Ack>> {
    const { conversation_id, target_seq, client_msg_id } = target;
    const key = checkKey(client_msg_id);
    if (key.type !== 'ok') return key;
    const command = {
      type: 'change_message' as const,
      conversationId: conversation_id,
      from,
      clientMsgId: client_msg_id,
      targetSeq: target_seq,
      change,
    };
    const outcome = await this.#order.submit(from, ok(command));
    if (outcome.type !== 'ok') return outcome;
    assert(outcome.value.type === 'message', 'a change of a message ends as an entry');
    const { msgId, seq, timestampMs, isDuplicate, isUnchanged, isNoted } = outcome.value;
    return ok({
      client_msg_id,
      msg_id: msgId,
      conversation_id,
      seq,
      timestamp: timestampMs,
      status: 'ack',
      ...(isDuplicate ? { duplicate: true as const } : {}),
      ...(isNoted ? { noted: true as const } : {}),
      ...(isUnchanged ? { unchanged: true as const } : {}),
    });
  }
}
