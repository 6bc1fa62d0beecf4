// The operation send: validates what needs no ordering, then submits a command to the log.

import { assert } from '@hongyan/base/assert';
import type { MaybePromise } from '@hongyan/base/maybe-promise';
import { ok } from '@hongyan/base/result';
import { directConversationId } from '@hongyan/protocol/direct';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import type { Result } from '@hongyan/protocol/refusals';
import { referencesOf } from '../../domain/message-references.ts';
import { checkKey, encodeContent, targetOf } from '../../domain/send.ts';
import type { MessageCommand } from '../../ports/command-log/command-log.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { CoreDeps } from './deps.ts';
import type { MembershipCache } from './membership-cache.ts';
import type { SendChecks } from './send-checks.ts';
import type { SubmitOrder } from './submit-order.ts';

type Deps = Pick<CoreDeps, 'directory' | 'limits' | 'storedBytes' | 'tracing'>;

export class Sends {
  readonly #deps: Deps;
  readonly #memberships: MembershipCache;
  readonly #order: SubmitOrder;
  readonly #checks: SendChecks | undefined;

  /** `checks`: undefined without a send hook. */
  constructor(
    deps: Deps,
    memberships: MembershipCache,
    { order, checks }: { readonly order: SubmitOrder; readonly checks: SendChecks | undefined },
  ) {
    this.#deps = deps;
    this.#memberships = memberships;
    this.#order = order;
    this.#checks = checks;
  }

  async send(caller: Caller, input: Input<'send'>): Promise<Result<Output<'send'>>> {
    const { userId: from } = caller;
    const { client_msg_id, content, to } = input;
    const key = checkKey(client_msg_id);
    if (key.type !== 'ok') return key;
    const target = targetOf(from, input);
    if (target.type !== 'ok') return target;
    const encoded = encodeContent(content, this.#deps.limits.contentBytesMax);
    if (encoded.type !== 'ok') return encoded;
    const span = caller.trace === undefined ? undefined : this.#deps.tracing?.within(caller.trace, 'command log');
    const message: Omit<MessageCommand, 'conversationId'> = {
      type: 'message',
      from,
      clientMsgId: client_msg_id,
      contentJson: encoded.value,
      references: referencesOf(input),
      trace: span?.traceparent,
    };
    // A cached conversation has the canonical id.
    const isNew = to !== undefined && !this.#memberships.knows(target.value);
    const canonical = isNew ? this.#withCanonicalId(from, to) : target.value;
    const charged = this.#deps.storedBytes.charge(caller, encoded.value);
    const prepared = prepare(message, canonical, charged);
    const outcome = await this.#order.submit(from, this.#checks ? this.#checked(prepared, this.#checks) : prepared);
    span?.end({ 'hongyan.outcome': outcome.type === 'ok' ? 'ok' : outcome.code });
    if (outcome.type !== 'ok') return outcome;
    assert(outcome.value.type === 'message', 'a message command has a message as its outcome');
    const { msgId, seq, timestampMs, isDuplicate } = outcome.value;
    const ack: Output<'send'> = {
      client_msg_id,
      msg_id: msgId,
      conversation_id: canonical instanceof Promise ? await canonical : canonical,
      seq,
      timestamp: timestampMs,
      status: 'ack',
    };
    return ok(isDuplicate ? { ...ack, duplicate: true } : ack);
  }

  /** [W11] Later messages of the sender wait for the check, so that their order is kept. */
  async #checked(prepared: MaybePromise<Result<MessageCommand>>, checks: SendChecks): Promise<Result<MessageCommand>> {
    const command = await prepared;
    return command.type === 'ok' ? checks.message(command.value) : command;
  }

  /** The direct conversation with `to`, whose id is case-insensitive. An unknown user is refused later. */
  async #withCanonicalId(from: UserId, to: UserId): Promise<ConversationId> {
    const user = (await this.#deps.directory.getUsers([to])).get(to);
    return directConversationId(from, user?.userId ?? to);
  }
}

/** Returns a promise only if a look-up is needed. */
function prepare(
  message: Omit<MessageCommand, 'conversationId'>,
  conversationId: MaybePromise<ConversationId>,
  charged: MaybePromise<Result<undefined>>,
): MaybePromise<Result<MessageCommand>> {
  if (conversationId instanceof Promise || charged instanceof Promise)
    return Promise.all([conversationId, charged]).then(([id, result]) => prepare(message, id, result));
  return charged.type === 'ok' ? ok({ ...message, conversationId }) : charged;
}
