// The command-log port: the way up. Every command that changes a conversation goes through it, keyed by the conversation.
// It has two ends, a producer and a consumer, because in a cluster they are two processes.

import type { PrivateChange } from '@hongyan/protocol/content';
import type { ConversationKind } from '@hongyan/protocol/conversation';
import type { ClientMsgId, ConversationId, DeviceId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { MemberRole } from '@hongyan/protocol/member-role';
import type { Result } from '@hongyan/protocol/refusals';
import type { Rules } from '@hongyan/protocol/rules';
import type { Fence, LogPosition } from '../../domain/fence.ts';
import type { MessageChange, SumUp } from '../../domain/message-change.ts';
import type { MessageReferences } from '../../domain/message-references.ts';

interface CommandKey {
  /** The partition key: commands of one conversation are handled in one order. */
  readonly conversationId: ConversationId;
  /** The user whose command it is; also the key of fair turns. */
  readonly from: UserId;
}

export interface MessageCommand extends CommandKey {
  readonly type: 'message';
  readonly clientMsgId: ClientMsgId;
  /** The content as its JSON text: encoded once, passed on as it is. */
  readonly contentJson: string;
  /** Of a message that answers another or mentions users. */
  readonly references?: MessageReferences | undefined;
  /** The traceparent of a traced send. */
  readonly trace?: string | undefined;
}

/** An edit, a recall, a reaction or a pin: a send that changes the message at `targetSeq`. */
export interface MessageChangeCommand extends CommandKey {
  readonly type: 'change_message';
  readonly clientMsgId: ClientMsgId;
  readonly targetSeq: Seq;
  readonly change: MessageChange | SumUp;
}

/** A change of the user's private timeline, whose id `conversationId` is. */
export interface PrivateChangeCommand extends CommandKey {
  readonly type: 'change_private';
  readonly clientMsgId: ClientMsgId;
  readonly change: PrivateChange;
  /** undefined: the caller named none. */
  readonly deviceId: DeviceId | undefined;
}

export type ChangeCommand = CommandKey & {
  /** Of the entry that records the change: given by a log that may hand the command over again, which finds the entry by it. */
  readonly recordId?: MsgId | undefined;
} & (
    | {
        readonly type: 'create';
        readonly kind: Exclude<ConversationKind, 'direct'>;
        readonly title: string;
        /** Without the creator. */
        readonly members: readonly UserId[];
        readonly isHistoryVisible: boolean;
        readonly rules: Rules;
      }
    /** Both users are in the conversation id. */
    | { readonly type: 'create_direct' }
    | {
        readonly type: 'update';
        readonly title?: string | undefined;
        readonly rules?: Partial<Rules> | undefined;
        readonly isHistoryVisible?: boolean | undefined;
      }
    | { readonly type: 'add_member'; readonly userId: UserId }
    | { readonly type: 'remove_member'; readonly userId: UserId }
    | { readonly type: 'set_role'; readonly userId: UserId; readonly role: MemberRole }
  );

export type Command = MessageCommand | MessageChangeCommand | PrivateChangeCommand | ChangeCommand;

/** What the submitter learns once the command is durable [D1]. */
export type CommandOutcome =
  | {
      readonly type: 'message';
      readonly msgId: MsgId;
      readonly seq: Seq;
      readonly timestampMs: number;
      /** [D3] */
      readonly isDuplicate: boolean;
      /** It was so already: nothing was appended, and these are the message's. */
      readonly isUnchanged?: boolean;
      /** It is stored, and its entry follows together with others. */
      readonly isNoted?: boolean;
    }
  | { readonly type: 'changed' };

/**
 * MUST: resolve only with the handler's outcome, or with a failure that says whether the command may have taken effect.
 * MUST NOT: grow without bound: at its bound a submit fails as `overloaded` at once.
 */
export interface CommandProducer {
  submit(command: Command): Promise<Result<CommandOutcome>>;
}

/** Where a batch stands in a log of partitions. */
export interface BatchPlace {
  readonly fence: Fence;
  /** Becomes the partition's position in the stores together with what the batch changes: all before it is handled then. */
  readonly offset: number;
  /** The batch, or a part of it, may have been handled before, by someone who did not publish what was committed. */
  readonly mayBeRepeated: boolean;
}

/**
 * Outcomes in the order of the batch. It is called again while earlier batches are under way, at most `inFlightMax` at a time, and
 * keeps the order of the calls for each conversation. A rejection means that nothing is known of the batch.
 * With a place: one batch of a partition is under way at a time. Outcomes without a failure among them mean that the position is
 * stored; otherwise the batch is handed over again. Rejects with `Fenced` when the partition has a newer owner.
 */
export type CommandHandler = (
  batch: readonly Command[],
  place?: BatchPlace,
) => Promise<readonly Result<CommandOutcome>[]>;

/** The consuming side of a log of partitions, beside its handler. */
export interface PartitionOwner {
  /** Called when the log gives this process the partition, before its first batch. Rejects with StoreFailure. */
  claim(partition: number): Promise<LogPosition>;
  /**
   * What became of commands that were handled by an owner before, as far as the stores know: nothing is changed, and what may not
   * have been published is published again, or reported as lost. Called after `claim`. Rejects with StoreFailure.
   */
  recover(batch: readonly Command[]): Promise<readonly Result<CommandOutcome>[]>;
}

/**
 * MUST: hand over the commands of one user in one conversation in the order submitted; take fair turns between users, so that
 * one user's backlog delays another's command by at most one batch. Handling is at least once: handlers are idempotent.
 */
export interface CommandConsumer {
  /** Called once. Handling ends with `drain`. A log of partitions needs the owner, any other one does not ask it. */
  consume(handle: CommandHandler, owner?: PartitionOwner): void;
  /** Refuses new commands and resolves when the accepted ones are handled. */
  drain(): Promise<void>;
}
