// The operations edit, recall, react, pin, unpin and setPrivate: validates what needs no ordering, then submits a command to the log.

import { assert } from '@hongyan/base/assert';
import { andThen } from '@hongyan/base/maybe-promise';
import { done, ok } from '@hongyan/base/result';
import type { Ack } from '@hongyan/protocol/operations/ack';
import type { Input } from '@hongyan/protocol/operations/operations';
import { privateTimelineId } from '@hongyan/protocol/private';
import type { Result } from '@hongyan/protocol/refusals';
import { type MessageChange, reactionKey } from '../../domain/message-change.ts';
import { checkKey, encodeContent } from '../../domain/send.ts';
import type { MessageChangeCommand, PrivateChangeCommand } from '../../ports/command-log/command-log.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { CheckedMessage } from '../../ports/send-hook/send-hook.ts';
import type { CoreDeps } from './deps.ts';
import type { SendChecks } from './send-checks.ts';
import type { StoredBytes } from './stored-bytes.ts';
import type { SubmitOrder } from './submit-order.ts';

/** Whether a command may be submitted. */
type Admitted = ReturnType<StoredBytes['charge']>;
type Target = Pick<Input<'recall'>, 'conversation_id' | 'target_seq' | 'client_msg_id'>;

export class ChangeSends {
  readonly #deps: Pick<CoreDeps, 'limits' | 'storedBytes'>;
  readonly #order: SubmitOrder;
  readonly #checks: SendChecks | undefined;

  /** `checks`: undefined without a send hook. */
  constructor(
    deps: Pick<CoreDeps, 'limits' | 'storedBytes'>,
    { order, checks }: { readonly order: SubmitOrder; readonly checks: SendChecks | undefined },
  ) {
    this.#deps = deps;
    this.#order = order;
    this.#checks = checks;
  }

  async edit(caller: Caller, { content, expect_seq: expectSeq, ...target }: Input<'edit'>): Promise<Result<Ack>> {
    const encoded = encodeContent(content, this.#deps.limits.contentBytesMax);
    if (encoded.type !== 'ok') return encoded;
    const charged = this.#deps.storedBytes.charge(caller, encoded.value);
    const { conversation_id: conversationId, target_seq: targetSeq, client_msg_id: clientMsgId } = target;
    const message = { conversationId, from: caller.userId, clientMsgId, targetSeq, contentJson: encoded.value };
    const admitted = this.#checks ? this.#checked(message, charged, this.#checks) : charged;
    return this.#change(caller, target, { type: 'edit', content, expectSeq }, admitted);
  }

  /** [L6] Not charged: a message is recalled once, and this must be possible even beyond the storage limit. */
  async recall(caller: Caller, { reason, ...target }: Input<'recall'>): Promise<Result<Ack>> {
    return this.#change(caller, target, { type: 'recall', reason }, done);
  }

  async react(caller: Caller, { key: asWritten, op, ...target }: Input<'react'>): Promise<Result<Ack>> {
    const key = reactionKey(asWritten);
    if (key.type !== 'ok') return key;
    return this.#change(caller, target, { type: 'react', key: key.value, op });
  }

  async pin(caller: Caller, target: Input<'pin'>): Promise<Result<Ack>> {
    return this.#change(caller, target, { type: 'pin', pinned: true });
  }

  async unpin(caller: Caller, target: Input<'unpin'>): Promise<Result<Ack>> {
    return this.#change(caller, target, { type: 'pin', pinned: false });
  }

  async setPrivate(caller: Caller, input: Input<'setPrivate'>): Promise<Result<Ack>> {
    const { userId: from, deviceId } = caller;
    const { client_msg_id: clientMsgId, change } = input;
    const conversationId = privateTimelineId(from);
    const charged = this.#deps.storedBytes.charge(caller, JSON.stringify(change));
    return this.#submit({ type: 'change_private', conversationId, from, clientMsgId, change, deviceId }, charged);
  }

  #change(
    caller: Caller,
    target: Target,
    change: MessageChange,
    admitted: Admitted = this.#deps.storedBytes.charge(caller, JSON.stringify(change)),
  ): Promise<Result<Ack>> {
    const { userId: from } = caller;
    const { conversation_id: conversationId, target_seq: targetSeq, client_msg_id: clientMsgId } = target;
    return this.#submit({ type: 'change_message', conversationId, from, clientMsgId, targetSeq, change }, admitted);
  }

  /** [W11] Later commands of the sender wait for the check, so that their order is kept. */
  async #checked(message: CheckedMessage, charged: Admitted, checks: SendChecks): Promise<Result<undefined>> {
    const key = checkKey(message.clientMsgId);
    if (key.type !== 'ok') return key;
    const paid = await charged;
    return paid.type === 'ok' ? checks.edit(message) : paid;
  }

  async #submit(command: MessageChangeCommand | PrivateChangeCommand, admitted: Admitted): Promise<Result<Ack>> {
    const { from, clientMsgId, conversationId } = command;
    const key = checkKey(clientMsgId);
    if (key.type !== 'ok') return key;
    const outcome = await this.#order.submit(from, andThen(admitted, ifAdmitted, command));
    if (outcome.type !== 'ok') return outcome;
    assert(outcome.value.type === 'message', 'a change ends as an entry');
    const { msgId, seq, timestampMs, isDuplicate, isUnchanged, isNoted } = outcome.value;
    return ok({
      client_msg_id: clientMsgId,
      msg_id: msgId,
      conversation_id: conversationId,
      seq,
      timestamp: timestampMs,
      status: 'ack',
      ...(isDuplicate ? { duplicate: true as const } : {}),
      ...(isNoted ? { noted: true as const } : {}),
      ...(isUnchanged ? { unchanged: true as const } : {}),
    });
  }
}

const ifAdmitted = <C>(admitted: Result<undefined>, command: C): Result<C> =>
  admitted.type === 'ok' ? ok(command) : admitted;
