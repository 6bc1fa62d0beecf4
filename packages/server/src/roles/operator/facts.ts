// The facts of a conversation or a message, read through the ports and named as on the wire: for hongyan inspect and the console.

import type { Content } from '@hongyan/protocol/content';
import type { ConversationKind } from '@hongyan/protocol/conversation';
import type { MessageStatus } from '@hongyan/protocol/entry';
import type { ClientMsgId, ConversationId, DeviceId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { MemberRole } from '@hongyan/protocol/member-role';
import { type Position, statusAt } from '@hongyan/protocol/status';
import type { DeviceReader, DeviceRecord } from '../../ports/devices/devices.ts';
import type { ConversationRecord, MemberRecord } from '../../ports/directory/conversations.ts';
import type { DirectoryReader } from '../../ports/directory/directory.ts';
import type { DeviceReceipt } from '../../ports/directory/receipts.ts';
import type { OperatorReads } from '../../ports/timeline/operator-reads.ts';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';

export interface FactReaders {
  readonly directory: DirectoryReader;
  readonly devices: Pick<DeviceReader, 'ofUsers'>;
  readonly timeline: OperatorReads;
}

export interface MessageFacts {
  readonly msg_id: MsgId;
  readonly conversation_id: ConversationId;
  readonly seq: Seq;
  readonly from: UserId;
  readonly timestamp: number;
  readonly client_msg_id: ClientMsgId;
  readonly content: Content;
}

export interface MemberFacts {
  readonly user_id: UserId;
  readonly role: MemberRole;
  readonly visible_from_seq: Seq;
  readonly delivered_seq: Seq;
  readonly read_seq: Seq;
}

export interface ConversationFacts {
  readonly type: 'conversation';
  readonly conversation_id: ConversationId;
  readonly kind: ConversationKind;
  readonly title: string;
  readonly created_at: number;
  readonly first_seq: Seq;
  readonly last_seq: Seq;
  /** The parts of the store that hold its entries, oldest first: months. */
  readonly segments: readonly { readonly name: string; readonly first_seq: Seq; readonly last_seq: Seq }[];
  readonly member_count: number;
  /** By user id, up to the limit. */
  readonly members: readonly MemberFacts[];
  /** The newest, ascending, up to the limit. */
  readonly messages: readonly MessageFacts[];
}

export interface DeviceFacts {
  readonly device_id: DeviceId;
  /** The client's own label; empty when it gave none. */
  readonly name: string;
  readonly status: MessageStatus;
  readonly delivered_seq: Seq;
  readonly read_seq: Seq;
  /** When it last opened a connection; Unix ms. */
  readonly last_seen: number;
}

export interface WhereFacts {
  readonly type: 'message';
  readonly message: MessageFacts;
  /** It was recalled, and some byte of the files may still hold what it said. */
  readonly is_being_erased: boolean;
  /** Of all members but the sender. */
  readonly delivered_count: number;
  readonly read_count: number;
  readonly member_count: number;
  /** By user id, up to the limit; the sender is among them. */
  readonly members: readonly (MemberFacts & {
    readonly status: MessageStatus;
    readonly devices: readonly DeviceFacts[];
  })[];
}

export async function conversationFacts(
  { directory, timeline }: FactReaders,
  { conversation, limit }: { readonly conversation: ConversationRecord; readonly limit: number },
): Promise<ConversationFacts> {
  const { conversationId } = conversation;
  const [head] = await timeline.heads([conversationId]);
  const [firstSeq, lastSeq] = [head?.firstSeq ?? (1 as Seq), head?.lastSeq ?? (0 as Seq)];
  const newest = await timeline.range({ conversationId, beforeSeq: (lastSeq + 1) as Seq, limit });
  const segments = await timeline.segments(conversationId);
  return {
    type: 'conversation',
    conversation_id: conversationId,
    kind: conversation.kind,
    title: conversation.title,
    created_at: conversation.createdAtMs,
    first_seq: firstSeq,
    last_seq: lastSeq,
    segments: segments.map((segment) => ({
      name: segment.name,
      first_seq: segment.firstSeq,
      last_seq: segment.lastSeq,
    })),
    member_count: conversation.memberCount,
    members: (await directory.members({ conversationId, limit })).map(memberFacts),
    messages: newest.entries.map(messageFacts),
  };
}

export async function whereFacts(
  { directory, devices: deviceStore, timeline }: FactReaders,
  { entry, limit }: { readonly entry: StoredEntry; readonly limit: number },
): Promise<WhereFacts> {
  const { conversationId, seq, from } = entry;
  const conversations = await directory.getConversations([conversationId]);
  const counts = await directory.countReceipts({ conversationId, seq, except: from });
  const members = await directory.members({ conversationId, limit });
  const userIds = members.map(({ userId }) => userId);
  const devices = await deviceStore.ofUsers(userIds);
  const receipts = await directory.deviceReceipts({ conversationId, userIds });
  return {
    type: 'message',
    message: messageFacts(entry),
    is_being_erased: await timeline.isBeingErased(entry),
    delivered_count: counts.delivered,
    read_count: counts.read,
    member_count: conversations.get(conversationId)?.memberCount ?? 0,
    members: members.map((member) => ({
      ...memberFacts(member),
      status: statusAt(seq, member),
      devices: deviceFacts({
        seq,
        devices: devices.get(member.userId) ?? [],
        receipts: receipts.get(member.userId) ?? [],
      }),
    })),
  };
}

/** By msg_id or client_msg_id, which may look like one. `from`: who sent it, where that is known. */
export async function findMessages(
  timeline: OperatorReads,
  { id, from }: { readonly id: string; readonly from?: string | undefined },
): Promise<readonly StoredEntry[]> {
  const entry =
    (await timeline.findByMsgId(id as MsgId)) ??
    (from && (await timeline.findByClientMsgId({ from: from as UserId, clientMsgId: id as ClientMsgId })));
  if (entry || from !== undefined) return entry ? [entry] : [];
  return timeline.findAllByClientMsgId(id as ClientMsgId);
}

function deviceFacts({
  seq,
  devices,
  receipts,
}: {
  readonly seq: Seq;
  readonly devices: readonly DeviceRecord[];
  readonly receipts: readonly DeviceReceipt[];
}): DeviceFacts[] {
  const positions = new Map<DeviceId, Position>(receipts.map((receipt) => [receipt.deviceId, receipt]));
  return devices.map(({ deviceId, name, lastSeenMs }) => {
    const at = positions.get(deviceId) ?? { deliveredSeq: 0 as Seq, readSeq: 0 as Seq };
    return {
      device_id: deviceId,
      name,
      status: statusAt(seq, at),
      delivered_seq: at.deliveredSeq,
      read_seq: at.readSeq,
      last_seen: lastSeenMs,
    };
  });
}

export const memberFacts = (member: MemberRecord): MemberFacts => ({
  user_id: member.userId,
  role: member.role,
  visible_from_seq: member.visibleFromSeq,
  delivered_seq: member.deliveredSeq,
  read_seq: member.readSeq,
});

const messageFacts = (entry: StoredEntry): MessageFacts => ({
  msg_id: entry.msgId,
  conversation_id: entry.conversationId,
  seq: entry.seq,
  from: entry.from,
  timestamp: entry.timestampMs,
  client_msg_id: entry.clientMsgId,
  content: JSON.parse(entry.contentJson) as Content,
});
