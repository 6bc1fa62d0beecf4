// Operations on conversations. Changes are validated, then submitted to the command log; reads go to the directory.

import { andThen, type MaybePromise } from '@hongyan/base/maybe-promise';
import { done, ok } from '@hongyan/base/result';
import type { Conversation } from '@hongyan/protocol/conversation';
import { directConversationId } from '@hongyan/protocol/direct';
import { type ConversationId, isSystemUser, type Seq, type UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { onceStored, type Result, refusal } from '@hongyan/protocol/refusals';
import { type Rules, RulesSchema } from '@hongyan/protocol/rules';
import { defaultRules, isHistoryVisibleByDefault } from '../../domain/membership.ts';
import { checkTitle } from '../../domain/names.ts';
import type { ChangeCommand } from '../../ports/command-log/command-log.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { ConversationViews } from './conversation-views.ts';
import type { CoreDeps } from './deps.ts';
import { type MembershipCache, standInOf } from './membership-cache.ts';
import type { PrivateStates } from './private-states.ts';
import type { SubmitOrder } from './submit-order.ts';

type Deps = Pick<CoreDeps, 'directory' | 'timeline' | 'limits' | 'newMsgId' | 'storedBytes'>;
type Prepared = Result<ChangeCommand>;

const membersLimitDefault = 100;

interface ConversationsParts {
  readonly views: ConversationViews;
  readonly privates: PrivateStates;
  readonly order: SubmitOrder;
}

export class Conversations {
  readonly #deps: Deps;
  readonly #memberships: MembershipCache;
  readonly #views: ConversationViews;
  readonly #privates: PrivateStates;
  readonly #order: SubmitOrder;

  constructor(deps: Deps, memberships: MembershipCache, { views, privates, order }: ConversationsParts) {
    this.#deps = deps;
    this.#memberships = memberships;
    this.#views = views;
    this.#privates = privates;
    this.#order = order;
  }

  create(caller: Caller, input: Input<'createConversation'>): Promise<Result<Conversation>> {
    return this.#change(caller, this.#creation(caller.userId, input));
  }

  async #creation(userId: UserId, input: Input<'createConversation'>): Promise<Prepared> {
    if (input.kind === 'direct') return this.#directCreation(userId, input.with);
    const title = checkTitle(input.title);
    if (title.type !== 'ok') return title;
    if (input.members.some((member) => mayNotAdd(userId, member))) return refusal.reservedUserId();
    const members = await this.#resolve(input.members);
    if (members.type !== 'ok') return members;
    const others = [...new Set(members.value)].filter((member) => member !== userId);
    const { groupMembersMax } = this.#deps.limits;
    if (others.length + 1 > groupMembersMax) return refusal.tooMany('members of a conversation', groupMembersMax);
    return ok({
      type: 'create',
      conversationId: `g:${this.#deps.newMsgId()}` as ConversationId,
      from: userId,
      kind: input.kind,
      title: title.value,
      members: others,
      isHistoryVisible: input.history_visible ?? isHistoryVisibleByDefault(input.kind),
      rules: { ...defaultRules(input.kind), ...knownRules(input.rules) },
    });
  }

  async #directCreation(userId: UserId, other: UserId): Promise<Prepared> {
    const resolved = await this.#resolve([other]);
    if (resolved.type !== 'ok') return resolved;
    const conversationId = directConversationId(userId, resolved.value[0] ?? other);
    return ok({ type: 'create_direct', conversationId, from: userId });
  }

  async update(caller: Caller, input: Input<'updateConversation'>): Promise<Result<Conversation>> {
    const { conversation_id: conversationId, history_visible: isHistoryVisible } = input;
    const rules = knownRules(input.rules);
    const title = input.title === undefined ? undefined : checkTitle(input.title);
    if (title && title.type !== 'ok') return title;
    if (!title && !rules && isHistoryVisible === undefined)
      return refusal.invalid('give a title, rules or history_visible');
    const command = { conversationId, from: caller.userId, title: title?.value, rules, isHistoryVisible };
    return this.#change(caller, ok({ type: 'update', ...command }));
  }

  addMember(caller: Caller, { conversation_id, user_id }: Input<'addMember'>): Promise<Result<undefined>> {
    if (mayNotAdd(caller.userId, user_id)) return Promise.resolve(refusal.reservedUserId());
    const key = { conversationId: conversation_id, from: caller.userId };
    return this.#submit(caller, this.#charged(ok({ ...key, type: 'add_member', userId: user_id }), caller));
  }

  /** [L6] Not charged: removing a member and leaving must be possible even beyond the storage limit. */
  removeMember(caller: Caller, { conversation_id, user_id }: Input<'removeMember'>): Promise<Result<undefined>> {
    const key = { conversationId: conversation_id, from: caller.userId };
    return this.#submit(caller, ok({ ...key, type: 'remove_member', userId: user_id }));
  }

  setRole(caller: Caller, { conversation_id, user_id, role }: Input<'setRole'>): Promise<Result<undefined>> {
    const key = { conversationId: conversation_id, from: caller.userId };
    return this.#submit(caller, this.#charged(ok({ ...key, type: 'set_role', userId: user_id, role }), caller));
  }

  async get({ userId }: Caller, { conversation_id }: Input<'getConversation'>): Promise<Result<Conversation>> {
    return this.#view(conversation_id, userId);
  }

  async members({ userId }: Caller, input: Input<'listMembers'>): Promise<Result<Output<'listMembers'>>> {
    const { conversation_id: conversationId, after } = input;
    if (!(await this.#memberships.get(conversationId, userId))) return refusal.notMember();
    return ok(await this.#memberPage(conversationId, { after, limit: input.limit }));
  }

  async readers({ userId }: Caller, input: Input<'listReaders'>): Promise<Result<Output<'listReaders'>>> {
    const { conversation_id: conversationId, target_seq: seq, state = 'read', after, limit } = input;
    const { directory, timeline } = this.#deps;
    const membership = await this.#memberships.get(conversationId, userId);
    if (!membership) return refusal.notMember();
    const [message] = await timeline.messagesAt([{ conversationId, seq }]);
    if (!message || seq < membership.member.visibleFromSeq) return refusal.noSuch(`message ${seq}`);
    const [page, counts] = await Promise.all([
      this.#memberPage(conversationId, {
        after,
        limit,
        reached: state === 'read' ? { readSeq: seq } : { deliveredSeq: seq },
      }),
      directory.countReceipts({ conversationId, seq, except: message.from }),
    ]);
    const members = page.members.filter(({ user_id }) => user_id !== message.from);
    return ok({ ...page, members, count: counts[state] });
  }

  async #memberPage(
    conversationId: ConversationId,
    {
      after,
      limit: wanted = membersLimitDefault,
      reached,
    }: {
      readonly after?: UserId | undefined;
      readonly limit?: number | undefined;
      readonly reached?: { readonly deliveredSeq?: Seq; readonly readSeq?: Seq };
    },
  ): Promise<Output<'listMembers'>> {
    const { directory, limits } = this.#deps;
    const limit = Math.min(wanted, limits.pageMax);
    const rows = await directory.members({
      conversationId,
      limit: limit + 1,
      ...(after === undefined ? {} : { after }),
      ...(reached === undefined ? {} : { reached }),
    });
    const page = rows.slice(0, limit);
    const users = await directory.getUsers(page.map((row) => row.userId));
    const next = rows.length > limit ? page.at(-1)?.userId : undefined;
    return {
      members: page.map((row) => ({
        user_id: row.userId,
        display_name: users.get(row.userId)?.displayName ?? row.userId,
        role: row.role,
        delivered_seq: row.deliveredSeq,
        read_seq: row.readSeq,
      })),
      ...(next === undefined ? {} : { next }),
    };
  }

  /** The ids in the spelling of their creation; refuses unknown users. */
  async #resolve(userIds: readonly UserId[]): Promise<Result<readonly UserId[]>> {
    const users = await this.#deps.directory.getUsers(userIds);
    const missing = userIds.find((userId) => !users.has(userId));
    if (missing !== undefined) return refusal.noSuch(`user ${missing}`);
    return ok(userIds.map((userId) => users.get(userId)?.userId ?? userId));
  }

  async #change(caller: Caller, prepared: MaybePromise<Prepared>): Promise<Result<Conversation>> {
    const charged = andThen(prepared, this.#charged, caller);
    const outcome = await this.#order.submit(caller.userId, charged);
    if (outcome.type !== 'ok') return outcome;
    const command = await charged;
    if (command.type !== 'ok') return command;
    return onceStored(this.#view(command.value.conversationId, caller.userId));
  }

  async #submit({ userId }: Caller, prepared: MaybePromise<Prepared>): Promise<Result<undefined>> {
    const outcome = await this.#order.submit(userId, prepared);
    return outcome.type === 'ok' ? done : outcome;
  }

  /** [L6] Charges the stored size of the change. Returns a promise only if a look-up is needed. */
  readonly #charged = (prepared: Prepared, caller: Caller): MaybePromise<Prepared> => {
    if (prepared.type !== 'ok') return prepared;
    const charged = this.#deps.storedBytes.charge(caller, JSON.stringify(prepared.value));
    return andThen(charged, preparedIfCharged, prepared);
  };

  async #view(conversationId: ConversationId, userId: UserId): Promise<Result<Conversation>> {
    const { directory, timeline } = this.#deps;
    await this.#privates.appliedIfPossible(userId);
    const [conversations, [stored], [head]] = await Promise.all([
      directory.getConversations([conversationId]),
      directory.getMembers([{ conversationId, userId }]),
      timeline.heads([conversationId]),
    ]);
    const conversation = conversations.get(conversationId);
    const member = stored ?? (conversation && standInOf(conversation, userId));
    if (!conversation || !member || !head) return refusal.notMember();
    // Stores find ids case-insensitively, but entries are stored under the spelling of the creation.
    if (conversation.conversationId !== conversationId) return refusal.notMember();
    const [rendered] = await this.#views.render([{ conversation, member, head }]);
    return rendered ? ok(rendered.view) : refusal.notMember();
  }
}

/** [A26] The system needs no membership, so only the system may add itself. */
const mayNotAdd = (userId: UserId, member: UserId): boolean => isSystemUser(member) && !isSystemUser(userId);

/** Drops unknown rules, which would be stored and pushed to all members; undefined: no rule is left. */
function knownRules(given: Partial<Rules> | undefined): Partial<Rules> | undefined {
  const known = Object.entries(given ?? {}).filter(([name]) => Object.hasOwn(RulesSchema.properties, name));
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

const preparedIfCharged = (charged: Result<undefined>, prepared: Prepared): Prepared =>
  charged.type === 'ok' ? prepared : charged;
