// The facts of hongyan inspect for a person: a few lines, then tables. Times are UTC, as the months of the store are.

import type { ConversationFacts, MemberFacts, WhereFacts } from '@hongyan/server/roles/operator/facts';
import { printable } from '@hongyan/terminal/printable';
import { contentLine, table, timeOf } from '../text.ts';

const contentCharsMax = 60;

export function conversationText(facts: ConversationFacts): string {
  const { members, messages, segments } = facts;
  const title = facts.title === '' ? '' : ` "${printable(facts.title)}"`;
  return [
    `${facts.kind} conversation ${facts.conversation_id}${title}, created ${timeOf(facts.created_at)}`,
    facts.last_seq === 0
      ? 'no message yet'
      : `seq ${facts.first_seq} to ${facts.last_seq}${facts.first_seq > 1 ? '; earlier messages were removed' : ''}`,
    '',
    ...(segments.length === 0
      ? []
      : [
          table(
            ['month', 'first seq', 'last seq'],
            segments.map(({ name, first_seq, last_seq }) => [name, first_seq, last_seq]),
          ),
          '',
        ]),
    `members: ${facts.member_count}${cut(members.length, facts.member_count)}`,
    table(
      ['user', 'role', 'delivered', 'read', 'behind', 'sees from'],
      members.map((member) => [
        member.user_id,
        member.role,
        member.delivered_seq,
        member.read_seq,
        Math.max(0, facts.last_seq - member.delivered_seq),
        member.visible_from_seq,
      ]),
    ),
    '',
    `newest messages: ${messages.length}`,
    table(
      ['seq', 'time', 'from', 'msg_id', 'content'],
      messages.map(({ seq, timestamp, from, msg_id, content }) => [
        seq,
        timeOf(timestamp),
        from,
        msg_id,
        contentLine(content, contentCharsMax),
      ]),
    ),
  ].join('\n');
}

export function whereText(facts: WhereFacts): string {
  const { message, members } = facts;
  const others = Math.max(0, facts.member_count - 1);
  return [
    `message ${message.msg_id}`,
    `in ${message.conversation_id}, seq ${message.seq}, committed ${timeOf(message.timestamp)}`,
    `from ${message.from}, client_msg_id ${printable(message.client_msg_id)}`,
    `content: ${contentLine(message.content, contentCharsMax)}`,
    ...(facts.is_being_erased ? ['recalled; what it said is still being erased from the files'] : []),
    `delivered to ${facts.delivered_count} and read by ${facts.read_count} of ${others} other members`,
    '',
    `members: ${facts.member_count}${cut(members.length, facts.member_count)}`,
    table(
      ['user', 'device', 'status', 'delivered', 'read', 'last seen'],
      members.flatMap((member) => [
        [member.user_id, '(all)', statusOf(member, message.from), member.delivered_seq, member.read_seq, ''],
        ...member.devices.map((device) => [
          '',
          device.device_id,
          statusOf({ ...device, user_id: member.user_id }, message.from),
          device.delivered_seq,
          device.read_seq,
          timeOf(device.last_seen),
        ]),
      ]),
    ),
  ].join('\n');
}

/** "ack" is a status of the message: for a member it means that the message has not arrived. */
function statusOf(
  { user_id, status }: Pick<MemberFacts, 'user_id'> & { readonly status: string },
  sender: string,
): string {
  const arrival = status === 'ack' ? 'not delivered' : status;
  return user_id === sender ? `sender, ${arrival}` : arrival;
}

const cut = (shown: number, count: number): string => (shown < count ? `, the first ${shown} of them:` : '');
