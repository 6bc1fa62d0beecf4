// The command-log port: it orders all commands that change conversations, keyed by conversation. Producer and consumer are separate
// interfaces, because in a cluster they are separate processes.

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
  /** The partition key: commands of one conversation are executed in one order. */
  readonly conversationId: ConversationId;
  /** The user who issued the command. Users take fair turns. */
  readonly from: UserId;
}

export interface MessageCommand extends CommandKey {
  readonly type: 'message';
  readonly clientMsgId: ClientMsgId;
  /** The content as JSON text: encoded once and passed on unchanged. */
  readonly contentJson: string;
  /** Set if the message is a reply or mentions users. */
  readonly references?: MessageReferences | undefined;
  /** The W3C traceparent, if the send is traced. */
  readonly trace?: string | undefined;
}

/** An edit, recall, reaction or pin of the message at `targetSeq`. */
export interface MessageChangeCommand extends CommandKey {
  readonly type: 'change_message';
  readonly clientMsgId: ClientMsgId;
  readonly targetSeq: Seq;
  readonly change: MessageChange | SumUp;
}

/** A change of the user's private timeline, whose id is `conversationId`. */
export interface PrivateChangeCommand extends CommandKey {
  readonly type: 'change_private';
  readonly clientMsgId: ClientMsgId;
  readonly change: PrivateChange;
  /** undefined: the caller has no device. */
  readonly deviceId: DeviceId | undefined;
}

export type ChangeCommand = CommandKey & {
  /** The msg_id of the entry that will record the change. A log that may deliver the command again assigns it, to detect repeats. */
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
    /** The conversation id contains both users. */
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

/** The result of a command, returned once its effect is durable [D1]. */
export type CommandOutcome =
  | {
      readonly type: 'message';
      readonly msgId: MsgId;
      readonly seq: Seq;
      readonly timestampMs: number;
      /** [D3] */
      readonly isDuplicate: boolean;
      /** Nothing changed and no entry was appended: the other fields are those of the message. */
      readonly isUnchanged?: boolean;
      /** The change is stored, and a summary entry will follow. */
      readonly isNoted?: boolean;
    }
  | { readonly type: 'changed' };

/**
 * MUST resolve only with the outcome of the handler, or with a failure whose code says whether the command may have taken effect.
 * MUST NOT grow without bound: at its limit a submit fails immediately as `overloaded`.
 */
export interface CommandProducer {
  submit(command: Command): Promise<Result<CommandOutcome>>;
}

/** The place of a batch in a log of partitions. */
export interface BatchPlace {
  readonly fence: Fence;
  /** The next position of the partition: all commands before this offset are done. Stored atomically with the changes of the batch. */
  readonly offset: number;
  /** The batch, or a part of it, may have been executed before without its events being published. */
  readonly mayBeRepeated: boolean;
}

/**
 * Executes a batch and returns the outcomes in its order. Several batches may be in flight, at most `inFlightMax`; the order of calls is
 * kept within each conversation. After a rejection nothing is known about the batch. An outcome may still be a promise: the command
 * waits for others of its conversation, and the next batch does not wait for it.
 * With a place, at most one batch per partition is in flight, and no outcome is a promise. If no outcome is a failure, the position is
 * stored; otherwise the log delivers the batch again. Rejects with `Fenced` if the partition has a newer owner.
 */
export type CommandHandler = (
  batch: readonly Command[],
  place?: BatchPlace,
) => Promise<readonly (Result<CommandOutcome> | Promise<Result<CommandOutcome>>)[]>;

/** The owner of partitions: what a log of partitions needs beside the handler. */
export interface PartitionOwner {
  /** Called when this process is assigned the partition, before its first batch. Rejects with StoreFailure. */
  claim(partition: number): Promise<LogPosition>;
  /**
   * Returns the outcomes of commands that a previous owner executed, as far as the stores know them. Changes nothing. Publishes their
   * entries again, or reports them as lost. Called after `claim`. Rejects with StoreFailure.
   */
  recover(batch: readonly Command[]): Promise<readonly Result<CommandOutcome>[]>;
}

/**
 * MUST deliver the commands of one user in one conversation in the order submitted, at least once: handlers are idempotent.
 * MUST take fair turns between users, so that the backlog of one user delays a command of another by at most one batch.
 */
export interface CommandConsumer {
  /** Called once; ends with `drain`. Only a log of partitions needs the owner. */
  consume(handle: CommandHandler, owner?: PartitionOwner): void;
  /** Refuses new commands, and resolves when the accepted ones are done. */
  drain(): Promise<void>;
}
