// Where a message is: its status for each recipient, and for the devices of this user.

import type { ClientMessage, MessagePlace, MessageStatus } from '@hongyan/client/api';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { StatusMark } from '../messages/status-mark.tsx';
import { useChat } from '../state/chat-state.ts';
import { Avatar } from '../ui/avatar.tsx';
import { errorWords } from '../ui/error-words.ts';
import { Problem } from '../ui/problem.tsx';
import { fullTime } from '../ui/time.ts';
import { useNames } from '../ui/use-names.ts';
import { Dialog } from './dialog.tsx';

export function MessageDetails({
  message,
  onClose,
}: {
  readonly message: ClientMessage;
  readonly onClose: () => void;
}) {
  const { t, i18n } = useTranslation();
  const { where, problem } = useWhere(message);
  return (
    <Dialog title={t('dialogs.where')} onClose={onClose}>
      <Problem words={problem} />
      {where && (
        <>
          <p>
            {t('dialogs.whereCounts', {
              delivered: where.delivered_count,
              read: where.read_count,
              recipients: where.recipient_count,
            })}
          </p>
          <WhereList where={where} />
        </>
      )}
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

function WhereList({ where }: { readonly where: MessagePlace }) {
  const { t } = useTranslation();
  const nameOf = useNames(where.members.map((member) => member.user_id));
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <ul className="people" aria-label={t('dialogs.people')} tabIndex={0}>
        {where.members.map((member) => (
          <li key={member.user_id} className="person">
            <Avatar id={member.user_id} name={nameOf(member.user_id)} size={38} />
            <div className="person-names">
              <span className="where-status">
                <bdi>{nameOf(member.user_id)}</bdi>
                <StatusWords status={member.status} />
              </span>
            </div>
          </li>
        ))}
      </ul>
      {where.devices.length > 0 && <h3>{t('dialogs.ownDevices')}</h3>}
      {where.devices.map((device) => (
        <p key={device.device_id} className="where-status">
          <span className="device" title={device.device_id}>
            {device.name || <span className="code">{device.device_id.slice(0, 8)}</span>}
          </span>
          {device.online && <span className="tag">{t('dialogs.deviceOnline')}</span>}
          <StatusWords status={device.status} />
        </p>
      ))}
    </>
  );
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

function useWhere({ msgId, clientMsgId }: ClientMessage) {
  const { t } = useTranslation();
  const { client } = useChat();
  const [where, setWhere] = useState<MessagePlace>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    let isCurrent = true;
    client.whereIs(msgId === undefined ? { clientMsgId } : { msgId }).then(
      (answer) => isCurrent && setWhere(answer),
      (error: unknown) => isCurrent && setProblem(errorWords(error, t)),
    );
    return () => {
      isCurrent = false;
    };
  }, [client, msgId, clientMsgId, t]);
  return { where, problem };
}
