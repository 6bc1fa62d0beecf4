// Checks the references of a new message, a reply or mentions, against its conversation [E7, E8].

import { done } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { mayMentionAll } from '../../domain/membership.ts';
import { encodeReferences, type MessageReferences } from '../../domain/message-references.ts';
import type { Mentioned, NewEntry, References } from '../../ports/timeline/timeline.ts';
import type { Outcome } from './command-outcome.ts';
import type { ConversationDraft } from './conversation-draft.ts';
import type { DecidedEntry } from './decided.ts';
import type { CoreDeps } from './deps.ts';
import { type Membership, type MembershipCache, memberFacts } from './membership-cache.ts';
import { quoteFrom } from './quotes.ts';

/** Everything before the message is committed or in the draft, so that no quote shows recalled text. */
export class ReferenceChecks {
  readonly #deps: Pick<CoreDeps, 'limits'>;
  readonly #memberships: MembershipCache;

  constructor(deps: Pick<CoreDeps, 'limits'>, memberships: MembershipCache) {
    this.#deps = deps;
    this.#memberships = memberships;
  }

  /** The message as it is appended, unless it is refused. */
  async check(entry: NewEntry, given: MessageReferences, draft: ConversationDraft): Promise<DecidedEntry | Outcome> {
    const { replyTo, mentions } = given;
    const references: References = { json: encodeReferences(given), mentioned: mentions };
    const membership = await this.#memberships.get(entry.conversationId, entry.from);
    if (!membership) return refusal.notMember();
    const mentioned = mentions === undefined ? done : await this.#checkMentions(entry, mentions, membership);
    if (mentioned.type !== 'ok') return mentioned;
    const answered = replyTo === undefined ? undefined : draft.find(replyTo);
    if (replyTo !== undefined && (!answered || replyTo < membership.member.visibleFromSeq))
      return refusal.noSuch(`message ${replyTo} to reply to`);
    return {
      type: 'entry',
      entry: { ...entry, references },
      quote: answered && quoteFrom(answered.message, answered.state),
    };
  }

  async #checkMentions(
    { conversationId }: NewEntry,
    mentions: Mentioned,
    { conversation, member }: Membership,
  ): Promise<Result<undefined>> {
    if (mentions === 'all') {
      const { memberCount } = conversation;
      return mayMentionAll(memberFacts({ conversation, member }), {
        memberCount,
        memberCountMax: this.#deps.limits.mentionAllMax,
      });
    }
    const members = await this.#memberships.getAll(mentions.map((userId) => ({ conversationId, userId })));
    const stranger = mentions.find((_, index) => members[index] === undefined);
    return stranger === undefined ? done : refusal.noSuch(`member ${stranger} to mention`);
  }
}
