// Sync: the conversations with news for a device, however long it was away, page by page, newest activity first [M17].

import { ok } from '@hongyan/base/result';
import { soon } from '@hongyan/base/soon';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { fittingCount } from '../../domain/page.ts';
import {
  conversationsAhead,
  cursorAfter,
  decodeCursor,
  encodeCursor,
  modeOf,
  type SyncCandidate,
  type SyncRequest,
} from '../../domain/sync.ts';
import type { Caller, DeviceCaller } from '../../ports/core/core.ts';
import type { Membership } from '../../ports/directory/conversations.ts';
import type { ConversationFacts, ConversationViews } from './conversation-views.ts';
import type { CoreDeps } from './deps.ts';
import type { PrivateStates } from './private-states.ts';

type Deps = Pick<CoreDeps, 'directory' | 'timeline' | 'clock' | 'limits'>;
type Candidate = SyncCandidate & ConversationFacts;

/** Changes committed during a sync may have an earlier time: the overlap reports them twice instead of missing them. */
const overlapMs = 10_000;
const limitDefault = 50;
/** Memberships read in one step; between steps the event loop serves other requests. */
const stepSize = 500;

export class Sync {
  readonly #deps: Deps;
  readonly #views: ConversationViews;
  readonly #privates: PrivateStates;

  constructor(deps: Deps, views: ConversationViews, privates: PrivateStates) {
    this.#deps = deps;
    this.#views = views;
    this.#privates = privates;
  }

  device(caller: DeviceCaller, input: Input<'sync'>): Promise<Result<Output<'sync'>>> {
    return this.#page(caller, { ...input, full: input.full ?? false });
  }

  async list(caller: Caller, input: Input<'listConversations'>): Promise<Result<Output<'listConversations'>>> {
    const page = await this.#page(caller, { ...input, full: true });
    if (page.type !== 'ok') return page;
    const { conversations, cursor, has_more } = page.value;
    return ok({ conversations, cursor, has_more });
  }

  async #page(caller: Caller, input: Input<'sync'> & { readonly full: boolean }): Promise<Result<Output<'sync'>>> {
    const { timeline, clock, limits } = this.#deps;
    const cursor = input.cursor ? decodeCursor(input.cursor) : undefined;
    if (input.cursor && !cursor) return refusal.foreignCursor();
    // All read before the candidates: changes committed meanwhile are reported by the next sync too [D4].
    const nowMs = clock.nowMs() - overlapMs;
    const [position, privateSeq] = await Promise.all([
      timeline.position(),
      this.#privates.appliedIfPossible(caller.userId),
    ]);
    const request: SyncRequest = { cursor, full: input.full, nowMs, position };
    const candidates = await this.#candidates(caller, request);
    const ahead = conversationsAhead(candidates, request);
    const limit = Math.min(input.limit ?? limitDefault, limits.pageMax);
    const rendered = await this.#views.render(ahead.slice(0, limit));
    const count = fittingCount(rendered, ({ bytes }) => bytes, limits.pageBytesMax);
    return ok({
      conversations: rendered.slice(0, count).map(({ view }) => view),
      cursor: encodeCursor(cursorAfter(ahead, count, request)),
      has_more: count < ahead.length,
      conversation_count: candidates.length,
      private_seq: privateSeq,
    });
  }

  async #candidates(caller: Caller, request: SyncRequest): Promise<readonly Candidate[]> {
    const candidates: Candidate[] = [];
    let after: ConversationId | undefined;
    for (;;) {
      const step = await this.#memberships(caller.userId, after);
      candidates.push(...(await this.#withFacts(caller, request, step)));
      after = step.at(-1)?.conversation.conversationId;
      if (step.length < stepSize || after === undefined) return candidates;
      await new Promise<void>(soon);
    }
  }

  #memberships(userId: UserId, after: ConversationId | undefined): Promise<readonly Membership[]> {
    return this.#deps.directory.memberships({ userId, limit: stepSize, ...(after === undefined ? {} : { after }) });
  }

  async #withFacts(caller: Caller, request: SyncRequest, step: readonly Membership[]): Promise<readonly Candidate[]> {
    const { timeline, directory } = this.#deps;
    const { userId, deviceId } = caller;
    const conversationIds = step.map(({ conversation }) => conversation.conversationId);
    const mode = modeOf(request);
    const [changed, receipts, heads] = await Promise.all([
      mode === 'since_cursor' && request.cursor
        ? timeline.changedSince(request.cursor.since, conversationIds)
        : undefined,
      mode === 'from_receipts' && deviceId
        ? directory.receiptsOfDevice({ userId, deviceId, conversationIds })
        : undefined,
      timeline.heads(conversationIds),
    ]);
    return step.flatMap(({ conversation, member }, index) => {
      const head = heads[index];
      if (!head) return [];
      const { conversationId } = conversation;
      return [
        {
          ...{ conversationId, conversation, member, head },
          lastSeq: head.lastSeq,
          activityMs: head.lastCountedMs || conversation.createdAtMs,
          updatedAtMs: member.updatedAtMs,
          isChanged: changed?.has(conversationId) ?? false,
          deviceDeliveredSeq: receipts?.get(conversationId)?.deliveredSeq ?? (0 as Seq),
        },
      ];
    });
  }
}
