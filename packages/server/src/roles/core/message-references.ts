// Checks the references of a new message, a reply or mentions, against its conversation [E7, E8].

import { ok } from '@hongyan/base/result';
import type { Reply } from '@hongyan/protocol/entry';
import type { Seq } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { mayMentionAll } from '../../domain/membership.ts';
import { encodeReferences, type MessageReferences } from '../../domain/message-references.ts';
import type { Mentioned, NewEntry, References } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';
import { type Membership, type MembershipCache, memberFacts } from './membership-cache.ts';
import { readQuotes } from './quotes.ts';

export interface Referring {
  readonly entry: NewEntry;
  /** Quote of the replied message. */
  readonly quote: Reply | undefined;
}

/** The command handler calls it after all earlier commands are committed, so that no quote shows recalled text. */
export class ReferenceChecks {
  readonly #deps: Pick<CoreDeps, 'timeline' | 'limits'>;
  readonly #memberships: MembershipCache;

  constructor(deps: Pick<CoreDeps, 'timeline' | 'limits'>, memberships: MembershipCache) {
    this.#deps = deps;
    this.#memberships = memberships;
  }

  async check(entry: NewEntry, given: MessageReferences): Promise<Result<Referring>> {
    const { replyTo, mentions } = given;
    const references: References = { json: encodeReferences(given), mentioned: mentions };
    const referring = { ...entry, references };
    // [D3] A repeated message gets its first outcome, even if members have left since.
    if (await this.#deps.timeline.findByClientMsgId(entry)) return ok({ entry: referring, quote: undefined });
    const membership = await this.#memberships.get(entry.conversationId, entry.from);
    if (!membership) return refusal.notMember();
    const mentioned = mentions === undefined ? undefined : await this.#checkMentions(entry, mentions, membership);
    if (mentioned && mentioned.type !== 'ok') return mentioned;
    const quote = replyTo === undefined ? undefined : await this.#quote(entry, replyTo, membership);
    if (quote && quote.type !== 'ok') return quote;
    return ok({ entry: referring, quote: quote?.value });
  }

  async #quote({ conversationId }: NewEntry, seq: Seq, { member }: Membership): Promise<Result<Reply>> {
    const quote = (await readQuotes(this.#deps.timeline, conversationId, [seq])).get(seq);
    return quote && seq >= member.visibleFromSeq ? ok(quote) : refusal.noSuch(`message ${seq} to reply to`);
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
    return stranger === undefined ? ok(undefined) : refusal.noSuch(`member ${stranger} to mention`);
  }
}
