// Reads of one timeline [E2]. History returns `limit` messages in their present form, and the changes of members and title between them.
// Catching up returns every entry as it was committed. A raised first_seq tells the reader which entries are hidden [D5].

import { ok } from '@hongyan/base/result';
import type { Seq } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { privateTimelineId } from '@hongyan/protocol/private';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { fittingCount } from '../../domain/page.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { RangeRequest } from '../../ports/timeline/timeline.ts';
import type { ConversationViews } from './conversation-views.ts';
import type { CoreDeps } from './deps.ts';
import { seenFrom, toEntry } from './entry-view.ts';
import type { MembershipCache } from './membership-cache.ts';

const limitDefault = 50;

export class History {
  readonly #deps: Pick<CoreDeps, 'timeline' | 'limits' | 'meter'>;
  readonly #memberships: MembershipCache;
  readonly #views: ConversationViews;

  constructor(
    deps: Pick<CoreDeps, 'timeline' | 'limits' | 'meter'>,
    memberships: MembershipCache,
    views: ConversationViews,
  ) {
    this.#deps = deps;
    this.#memberships = memberships;
    this.#views = views;
  }

  async page({ userId }: Caller, input: Input<'history'>): Promise<Result<Output<'history'>>> {
    const { conversation_id, after_seq } = input;
    if (after_seq !== undefined && input.before_seq !== undefined) return refusal.bothBounds();
    const membership = await this.#memberships.get(conversation_id, userId);
    if (!membership) return refusal.notMember();
    const { visibleFromSeq } = membership.member;
    const range = await this.#deps.timeline.range(this.#rangeOf(input, visibleFromSeq));
    const visible = range.entries.filter((entry) => entry.seq >= visibleFromSeq);
    this.#deps.meter.entriesRead.add('history', visible.length);
    const isAtBeginning = visible.length < range.entries.length || visible[0]?.seq === visibleFromSeq;
    const page = await this.#views.messages(visible, { conversation: membership.conversation, reader: userId });
    const entries = this.#fitting(page, { isBackward: after_seq === undefined });
    return ok({
      conversation_id,
      entries: entries.map(({ view }) => view),
      first_seq: Math.max(range.firstSeq, visibleFromSeq) as Seq,
      last_seq: range.lastSeq,
      has_more: entries.length < page.length || (range.hasMore && (after_seq !== undefined || !isAtBeginning)),
    });
  }

  async entriesAfter({ userId }: Caller, input: Input<'catchUp'>): Promise<Result<Output<'catchUp'>>> {
    const { conversation_id, after_seq } = input;
    const isPrivate = conversation_id === privateTimelineId(userId);
    const membership = isPrivate ? undefined : await this.#memberships.get(conversation_id, userId);
    if (!membership && !isPrivate) return refusal.notMember();
    const visibleFromSeq = membership?.member.visibleFromSeq ?? (1 as Seq);
    const range = await this.#deps.timeline.range({
      ...this.#rangeOf({ ...input, after_seq }, visibleFromSeq),
      withTargeted: true,
    });
    this.#countGap(after_seq, { firstSeq: range.firstSeq, visibleFromSeq });
    const wanted = input.only === 'state' ? range.entries.filter(({ isCounted }) => !isCounted) : range.entries;
    this.#deps.meter.entriesRead.add('catch_up', wanted.length);
    const seen = wanted.map((entry) => seenFrom(visibleFromSeq, entry));
    return ok({
      conversation_id,
      entries: membership
        ? await this.#views.entries(seen, { conversation: membership.conversation, reader: userId })
        : seen.map((entry) => toEntry(entry, 'ack')),
      through_seq: range.entries.at(-1)?.seq ?? after_seq,
      first_seq: Math.max(range.firstSeq, visibleFromSeq) as Seq,
      last_seq: range.lastSeq,
      has_more: range.hasMore,
    });
  }

  async pinned({ userId }: Caller, { conversation_id }: Input<'listPinned'>): Promise<Result<Output<'listPinned'>>> {
    const { timeline } = this.#deps;
    const membership = await this.#memberships.get(conversation_id, userId);
    if (!membership) return refusal.notMember();
    const seqs = (await timeline.pinned(conversation_id)).filter((seq) => seq >= membership.member.visibleFromSeq);
    const messages = await timeline.messagesAt(seqs.map((seq) => ({ conversationId: conversation_id, seq })));
    const retained = messages.filter((message) => message !== undefined);
    return ok({
      entries: await this.#views.scatteredMessages(retained, { conversation: membership.conversation, reader: userId }),
    });
  }

  /**
   * Truncates a page to its maximal size. The timeline limits pages by the size of the original contents; edits may have made them
   * larger.
   */
  #fitting<T extends { readonly bytes: number }>(
    page: readonly T[],
    { isBackward }: { readonly isBackward: boolean },
  ): readonly T[] {
    const asRead = isBackward ? page.toReversed() : page;
    const count = fittingCount(asRead, ({ bytes }) => bytes, this.#deps.limits.pageBytesMax);
    return isBackward ? page.slice(page.length - count) : page.slice(0, count);
  }

  /** [D5] Counts the gaps that first_seq reports to devices. */
  #countGap(
    afterSeq: Seq,
    { firstSeq, visibleFromSeq }: { readonly firstSeq: Seq; readonly visibleFromSeq: Seq },
  ): void {
    const { gaps } = this.#deps.meter;
    if (afterSeq + 1 < visibleFromSeq && visibleFromSeq >= firstSeq) gaps.add('before_joining');
    else if (afterSeq + 1 < firstSeq) gaps.add('retention');
  }

  #rangeOf({ conversation_id, after_seq, before_seq, limit }: Input<'history'>, visibleFromSeq: Seq): RangeRequest {
    const { pageMax, pageBytesMax } = this.#deps.limits;
    const page = {
      conversationId: conversation_id,
      limit: Math.min(limit ?? limitDefault, pageMax),
      uncountedMax: pageMax,
      bytesMax: pageBytesMax,
    };
    if (after_seq !== undefined) return { ...page, afterSeq: Math.max(after_seq, visibleFromSeq - 1) as Seq };
    return { ...page, beforeSeq: before_seq ?? (Number.MAX_SAFE_INTEGER as Seq) };
  }
}
