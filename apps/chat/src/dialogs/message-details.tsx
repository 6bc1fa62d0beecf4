// Where a message is: who has read it, who has received it, who has not yet, and which of this user's devices have it.

import { systemClock } from '@hongyan/base/clock';
import type {
  ClientMessage,
  ConversationId,
  DeviceId,
  Member,
  MessagePlace,
  MessageStatus,
  Seq,
  UserId,
} from '@hongyan/client/api';
import { Choice } from '@hongyan/look/choice';
import { useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { StatusMark } from '../messages/status-mark.tsx';
import { useChat } from '../state/chat-state.ts';
import { Avatar } from '../ui/avatar.tsx';
import { errorWords } from '../ui/error-words.ts';
import { Problem } from '../ui/problem.tsx';
import { fullTime } from '../ui/time.ts';
import { useNames } from '../ui/use-names.ts';
import { shortId } from './devices.tsx';
import { Dialog } from './dialog.tsx';
import { PagedPeople } from './paged-people.tsx';
import { type PageRequest, usePages } from './use-pages.ts';
import { useVersion } from './use-version.ts';

type State = 'read' | 'delivered' | 'waiting';

/** Where receipts are not pushed, because there are too many members, they are read this often. */
const pollMs = 5_000;

export function MessageDetails({
  message,
  onClose,
}: {
  readonly message: ClientMessage;
  readonly onClose: () => void;
}) {
  const { t, i18n } = useTranslation();
  const version = useReceipts(message.conversationId);
  const { where, problem } = useWhere(message, version);
  return (
    <Dialog title={t('dialogs.where')} onClose={onClose}>
      <Problem words={problem} />
      {where && where.recipient_count > 0 && <Recipients message={message} where={where} version={version} />}
      {where && where.devices.length > 0 && <OwnDevices devices={where.devices} />}
      <dl className="facts">
        <dt>{t('dialogs.seq')}</dt>
        <dd>{message.seq}</dd>
        <dt>{t('dialogs.sentAt')}</dt>
        <dd>{fullTime(message.timestampMs, i18n.language)}</dd>
        <dt>{t('dialogs.msgId')}</dt>
        <dd className="code">{message.msgId}</dd>
      </dl>
    </Dialog>
  );
}

function Recipients(props: {
  readonly message: ClientMessage;
  readonly where: MessagePlace;
  /** Another one means that receipts came in. */
  readonly version: number;
}) {
  const { message, where, version } = props;
  const { conversationId, seq = 0 as Seq } = message;
  const { t } = useTranslation();
  const { read_count: read, delivered_count: delivered, recipient_count: recipients, members } = where;
  const [state, setState] = useState<State>(read > 0 ? 'read' : 'delivered');
  // Known where every recipient is listed.
  const waiting = members.length === recipients ? members.filter((member) => member.delivered_seq < seq) : [];
  const options = [
    { value: 'read' as const, label: t('dialogs.readBy', { count: read }) },
    { value: 'delivered' as const, label: t('dialogs.deliveredTo', { count: delivered }) },
    ...(waiting.length > 0 || state === 'waiting'
      ? [{ value: 'waiting' as const, label: t('dialogs.notYet', { count: recipients - delivered }) }]
      : []),
  ];
  return (
    <>
      <p className="quiet" role="status">
        {t('dialogs.whereCounts', { delivered, read, recipients })}
      </p>
      <Choice label={t('dialogs.people')} options={options} value={state} onChange={setState} />
      {state === 'waiting' ? (
        <Waiting userIds={waiting.map((member) => member.user_id)} />
      ) : (
        <Readers key={state} {...{ conversationId, seq, state, version }} />
      )}
    </>
  );
}

function Readers(props: {
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  readonly state: 'read' | 'delivered';
  readonly version: number;
}) {
  const { conversationId, seq, state, version } = props;
  const { t } = useTranslation();
  const { client, people } = useChat();
  const read = useCallback(
    async ({ after, limit }: PageRequest) => {
      const { members, ...page } = await client.readers({ conversationId, seq, state, after, limit });
      people.learn(members);
      return { ...page, items: members };
    },
    [client, people, conversationId, seq, state],
  );
  const pages = usePages(read, version);
  const mark = ({ readSeq }: Member) => <StatusWords status={readSeq >= seq ? 'read' : 'delivered'} />;
  return state === 'read' ? (
    <PagedPeople label={t('dialogs.readers')} pages={pages} none={t('dialogs.noReaders')} />
  ) : (
    <PagedPeople label={t('dialogs.receivers')} pages={pages} none={t('dialogs.noDevices')} mark={mark} />
  );
}

function Waiting({ userIds }: { readonly userIds: readonly UserId[] }) {
  const { t } = useTranslation();
  const nameOf = useNames(userIds);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <ul className="people" aria-label={t('dialogs.notYet', { count: userIds.length })} tabIndex={0}>
      {userIds.map((userId) => (
        <li key={userId} className="person">
          <Avatar id={userId} name={nameOf(userId)} size={38} />
          <span className="person-names">
            <bdi>{nameOf(userId)}</bdi>
          </span>
        </li>
      ))}
    </ul>
  );
}

function OwnDevices({ devices }: Pick<MessagePlace, 'devices'>) {
  const { t, i18n } = useTranslation();
  const seenMs = useLastSeen();
  const seen = (deviceId: DeviceId) => {
    const ms = seenMs.get(deviceId);
    return ms !== undefined && t('dialogs.deviceSeen', { when: fullTime(ms, i18n.language) });
  };
  return (
    <>
      <h3>{t('dialogs.ownDevices')}</h3>
      {devices.map((device) => (
        <p key={device.device_id} className="where-status">
          <span className="device" title={device.device_id}>
            {device.name || <span className="code">{shortId(device.device_id)}</span>}
          </span>
          {device.online ? (
            <span className="tag">{t('dialogs.deviceOnline')}</span>
          ) : (
            <small className="quiet">{seen(device.device_id)}</small>
          )}
          <StatusWords status={device.status} />
        </p>
      ))}
    </>
  );
}

/** When each device was last seen, which tells devices with one name apart. Empty until the server answers. */
function useLastSeen(): ReadonlyMap<DeviceId, number> {
  const { client } = useChat();
  const [seenMs, setSeenMs] = useState<ReadonlyMap<DeviceId, number>>(new Map());
  useEffect(() => {
    let isCurrent = true;
    client.devices().then(
      (devices) => isCurrent && setSeenMs(new Map(devices.map((one) => [one.deviceId, one.lastSeenMs]))),
      () => {},
    );
    return () => {
      isCurrent = false;
    };
  }, [client]);
  return seenMs;
}

function StatusWords({ status }: { readonly status: MessageStatus }) {
  const { t } = useTranslation();
  return (
    <span className="where-mark">
      {t(`messages.status.${status}`)}
      <StatusMark mark={status} />
    </span>
  );
}

function useWhere({ msgId, clientMsgId }: ClientMessage, version: number) {
  const { t } = useTranslation();
  const { client } = useChat();
  const [where, setWhere] = useState<MessagePlace>();
  const [problem, setProblem] = useState<string>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another version is asked for again
  useEffect(() => {
    let isCurrent = true;
    client.whereIs(msgId === undefined ? { clientMsgId } : { msgId }).then(
      (answer) => isCurrent && setWhere(answer),
      (error: unknown) => isCurrent && setProblem(errorWords(error, t)),
    );
    return () => {
      isCurrent = false;
    };
  }, [client, msgId, clientMsgId, t, version]);
  return { where, problem };
}

/** Grows when receipts come in; where there are too many members for that, with time. */
function useReceipts(conversationId: ConversationId): number {
  const { client } = useChat();
  const follow = useCallback(
    (changed: () => void) => {
      const { receipts, memberCount = 0 } = client.conversation(conversationId) ?? {};
      const arePushed = receipts !== undefined && receipts.size >= memberCount - 1;
      const poll = arePushed ? undefined : systemClock.every(pollMs, changed);
      const stop = client.on('receipt', ({ conversation_id }) => {
        if (conversation_id === conversationId) changed();
      });
      return () => {
        stop();
        poll?.cancel();
      };
    },
    [client, conversationId],
  );
  return useVersion(follow);
}
