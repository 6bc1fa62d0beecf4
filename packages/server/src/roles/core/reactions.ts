// The users who reacted to a message, from the stored state of the message [E6].

import { ok } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { reactionKey } from '../../domain/message-change.ts';
import { reactionsByUser } from '../../domain/message-state.ts';
import { decodeState } from '../../domain/stored-state.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { CoreDeps } from './deps.ts';
import type { MembershipCache } from './membership-cache.ts';

type Deps = Pick<CoreDeps, 'timeline' | 'directory' | 'limits'>;

const limitDefault = 100;

export class Reactions {
  readonly #deps: Deps;
  readonly #memberships: MembershipCache;

  constructor(deps: Deps, memberships: MembershipCache) {
    this.#deps = deps;
    this.#memberships = memberships;
  }

  /** Ordered by user id, so that a page can continue after a user who has removed the reaction meanwhile. */
  async page({ userId }: Caller, input: Input<'listReactions'>): Promise<Result<Output<'listReactions'>>> {
    const { conversation_id: conversationId, target_seq: seq, after, limit = limitDefault } = input;
    const { directory, limits } = this.#deps;
    const membership = await this.#memberships.get(conversationId, userId);
    if (!membership) return refusal.notMember();
    const key = input.key === undefined ? undefined : reactionKey(input.key);
    if (key !== undefined && key.type !== 'ok') return key;
    const [message] = await this.#deps.timeline.messagesAt([{ conversationId, seq }]);
    if (!message || seq < membership.member.visibleFromSeq) return refusal.noSuch(`message ${seq}`);
    const all = await this.#usersAt(input, key?.value);
    const rest = all.filter(([id]) => after === undefined || id > after);
    const page = rest.slice(0, Math.min(limit, limits.pageMax));
    const users = await directory.getUsers(page.map(([id]) => id));
    const next = rest.length > page.length ? page.at(-1)?.[0] : undefined;
    return ok({
      users: page.map(([id, keys]) => ({ user_id: id, display_name: users.get(id)?.displayName ?? id, keys })),
      count: all.length,
      ...(next === undefined ? {} : { next }),
    });
  }

  async #usersAt(
    { conversation_id: conversationId, target_seq: seq }: Input<'listReactions'>,
    key: string | undefined,
  ): Promise<readonly (readonly [UserId, string[]])[]> {
    const [states] = await this.#deps.timeline.states([{ conversationId, fromSeq: seq, throughSeq: seq }]);
    const state = states?.get(seq);
    if (!state) return [];
    const users = [...reactionsByUser(decodeState(state.stateJson))];
    return users.filter(([, keys]) => key === undefined || keys.includes(key)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  }
}
