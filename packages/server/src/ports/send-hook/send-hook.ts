// The send-hook port: an external check of each message before it is accepted. It can allow, refuse or replace the content [W11].

import type { Content } from '@hongyan/protocol/content';
import type { Mentions } from '@hongyan/protocol/entry';
import type { ClientMsgId, ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';

export interface CheckedMessage {
  readonly conversationId: ConversationId;
  readonly from: UserId;
  readonly clientMsgId: ClientMsgId;
  readonly contentJson: string;
  readonly replyTo?: Seq | undefined;
  readonly mentions?: Mentions | undefined;
  /** For an edit: the message that gets this content. */
  readonly targetSeq?: Seq | undefined;
}

export type Verdict =
  | { readonly type: 'allow' }
  | { readonly type: 'refuse'; readonly reason: string }
  /** Not possible for an edit. The content has a valid shape, and is then validated like that of a client. */
  | { readonly type: 'replace'; readonly content: Content };

/**
 * MUST resolve within a deadline. Without a verdict it resolves as configured: with `allow` (open) or with a failure (closed).
 * MAY be called for several messages concurrently, even of one user: the caller keeps their order.
 */
export interface SendHook {
  check(message: CheckedMessage): Promise<Result<Verdict>>;
  /** A keyed hash: equal texts have equal fingerprints, and a fingerprint reveals nothing else about the text. */
  fingerprint(text: string): string;
}
