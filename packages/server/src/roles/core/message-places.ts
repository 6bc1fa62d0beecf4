// The delivery status of a message, for each member and for the devices of the reader [D6, M16].

import { ok } from '@hongyan/base/result';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { MessagePlace } from '@hongyan/protocol/operations/messages';
import type { Input } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { statusAt, statusFromCounts } from '@hongyan/protocol/status';
import type { Caller } from '../../ports/core/core.ts';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';
import { seenFrom, toMessage } from './entry-view.ts';
import type { MembershipCache } from './membership-cache.ts';

type Deps = Pick<CoreDeps, 'timeline' | 'directory' | 'devices' | 'registry' | 'limits'>;

const unknown = () => refusal.noSuch('such message');
const nothingReceived = { deliveredSeq: 0 as Seq, readSeq: 0 as Seq };

export class MessagePlaces {
  readonly #deps: Deps;
  readonly #memberships: MembershipCache;

  constructor(deps: Deps, memberships: MembershipCache) {
    this.#deps = deps;
    this.#memberships = memberships;
  }

  async byMsgId({ userId }: Caller, { msg_id }: Input<'getMessage'>): Promise<Result<MessagePlace>> {
    return this.#place(await this.#deps.timeline.findByMsgId(msg_id), userId);
  }

  async byClientMsgId({ userId }: Caller, { client_msg_id }: Input<'findMessage'>): Promise<Result<MessagePlace>> {
    const key = { from: userId, clientMsgId: client_msg_id };
    return this.#place(await this.#deps.timeline.findByClientMsgId(key), userId);
  }

  async #place(entry: StoredEntry | undefined, reader: UserId): Promise<Result<MessagePlace>> {
    if (!entry) return unknown();
    const { conversationId, seq, from } = entry;
    const { directory, limits } = this.#deps;
    const membership = await this.#memberships.get(conversationId, reader);
    // The refusal is the same for a hidden and for an unknown message.
    if (!membership || seq < membership.member.visibleFromSeq) return unknown();
    const [members, [sender], counts, devices, [states]] = await Promise.all([
      directory.members({ conversationId, limit: limits.receiptsPushMax + 1 }),
      directory.getMembers([{ conversationId, userId: from }]),
      directory.countReceipts({ conversationId, seq, except: from }),
      this.#ownDevices(entry, reader),
      this.#deps.timeline.states([{ conversationId, fromSeq: seq, throughSeq: seq }]),
    ]);
    // The sender may have left, and the system need not be a member [A26].
    const recipientCount = membership.conversation.memberCount - (sender ? 1 : 0);
    const status = statusFromCounts({ recipients: recipientCount, ...counts });
    return ok({
      message: toMessage(seenFrom(membership.member.visibleFromSeq, entry), {
        status,
        reader,
        state: states?.get(seq),
      }),
      status,
      delivered_count: counts.delivered,
      read_count: counts.read,
      recipient_count: recipientCount,
      members: members
        .filter(({ userId }) => userId !== from)
        .slice(0, limits.receiptsPushMax)
        .map((member) => ({
          user_id: member.userId,
          delivered_seq: member.deliveredSeq,
          read_seq: member.readSeq,
          status: statusAt(seq, member),
        })),
      devices,
    });
  }

  async #ownDevices({ conversationId, seq }: StoredEntry, reader: UserId): Promise<MessagePlace['devices']> {
    const { directory, devices: deviceStore, registry } = this.#deps;
    const [devices, receipts, online] = await Promise.all([
      deviceStore.ofUsers([reader]),
      directory.deviceReceipts({ conversationId, userIds: [reader] }),
      registry.online([reader]),
    ]);
    const positions = new Map(receipts.get(reader)?.map((receipt) => [receipt.deviceId, receipt]));
    const isOnline = new Set(online.get(reader));
    return (devices.get(reader) ?? []).map(({ deviceId, name }) => {
      const position = positions.get(deviceId) ?? nothingReceived;
      return {
        device_id: deviceId,
        name,
        delivered_seq: position.deliveredSeq,
        read_seq: position.readSeq,
        status: statusAt(seq, position),
        online: isOnline.has(deviceId),
      };
    });
  }
}
