// The send-hook port: whoever runs the server may have each message looked at before it is accepted, and refuse or change it [W11].

import type { Content } from '@hongyan/protocol/content';
import type { Mentions } from '@hongyan/protocol/entry';
import type { ClientMsgId, ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';

export interface QuestionedMessage {
  readonly conversationId: ConversationId;
  readonly from: UserId;
  readonly clientMsgId: ClientMsgId;
  readonly contentJson: string;
  readonly replyTo?: Seq | undefined;
  readonly mentions?: Mentions | undefined;
  /** Of an edit: the message that gets this content. */
  readonly targetSeq?: Seq | undefined;
}

export type Verdict =
  | { readonly type: 'allow' }
  | { readonly type: 'refuse'; readonly reason: string }
  /** Never of an edit. The content has the shape of one, and is checked further as a client's. */
  | { readonly type: 'replace'; readonly content: Content };

/**
 * MUST: answer within a deadline. A hook that gives no verdict is answered as configured: `allow` (open), or a failure (closed).
 * MAY be asked for several messages at once, also of one user; the order of messages is not its concern.
 */
export interface SendHook {
  ask(message: QuestionedMessage): Promise<Result<Verdict>>;
  /** Of a text: tells whether another is the same, and nothing else of it. */
  fingerprint(text: string): string;
}
