// "Where is my message?": for any message, its place at each member and device [D6, M16].

import type { MemberReceipt } from '@hongyan/protocol/entry';
import type { MessageWhere } from '@hongyan/protocol/http';
import type { ClientMsgId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { statusAt } from '../../domain/message.ts';
import type { Outcome } from '../../ports/core/core.ts';
import type { MemberRecord } from '../../ports/directory/directory.ts';
import type { CoreDeps } from './deps.ts';
import type { MembershipCache } from './membership-cache.ts';
import { ok, refused } from './outcome.ts';
import type { createViews } from './views.ts';

const unknown = refused('not_found', 'there is no such message');

export function createWhereIs(deps: CoreDeps, memberships: MembershipCache, views: ReturnType<typeof createViews>) {
  const { timeline, directory, registry, limits } = deps;

  return async function whereIs(
    reader: UserId,
    key: { readonly msgId: MsgId } | { readonly clientMsgId: ClientMsgId },
  ): Promise<Outcome<MessageWhere>> {
    const entry =
      'msgId' in key
        ? await timeline.findByMsgId(key.msgId)
        : await timeline.findByClientMsgId({ from: reader, clientMsgId: key.clientMsgId });
    if (!entry) return unknown;
    const { conversationId, seq, from } = entry;
    const membership = await memberships.get(conversationId, reader);
    // A message one may not see is not told apart from one that does not exist.
    if (!membership || seq < membership.member.visibleFromSeq) return unknown;
    const [members, counts, sender] = await Promise.all([
      directory.members({ conversationId, limit: limits.receiptsPushMax }),
      directory.countReceipts({ conversationId, seq, except: from }),
      memberships.get(conversationId, from),
    ]);
    const others = members.filter((member) => member.userId !== from);
    const presence = await registry.presence(others.map((member) => member.userId));
    const online = new Map(presence.map((state) => [state.userId, new Set(state.devices)]));
    const rows = await Promise.all(others.map((member) => memberReceipt(member, seq, online.get(member.userId))));
    const message = await views.entryFor(entry, from);
    // A sender who left is none of the members any more.
    const everyone = membership.conversation.memberCount - (sender ? 1 : 0);
    const status =
      everyone > 0 && counts.read >= everyone
        ? 'read'
        : everyone > 0 && counts.delivered >= everyone
          ? 'delivered'
          : 'ack';
    return ok({
      message: { ...message, status },
      status,
      delivered_count: counts.delivered,
      read_count: counts.read,
      member_count: membership.conversation.memberCount,
      members: rows,
    });
  };

  async function memberReceipt(
    member: MemberRecord,
    seq: Seq,
    online: ReadonlySet<string> | undefined,
  ): Promise<MemberReceipt> {
    const { conversationId, userId } = member;
    const [devices, receipts] = await Promise.all([
      directory.devices(userId),
      directory.deviceReceipts({ conversationId, userId }),
    ]);
    const positions = new Map(receipts.map((receipt) => [receipt.deviceId, receipt]));
    return {
      user_id: userId,
      delivered_seq: member.deliveredSeq,
      read_seq: member.readSeq,
      status: statusAt(seq, member),
      devices: devices.map(({ deviceId }) => {
        const at = positions.get(deviceId) ?? { deliveredSeq: 0 as Seq, readSeq: 0 as Seq };
        return {
          device_id: deviceId,
          delivered_seq: at.deliveredSeq,
          read_seq: at.readSeq,
          status: statusAt(seq, at),
          online: online?.has(deviceId) ?? false,
        };
      }),
    };
  }
}
