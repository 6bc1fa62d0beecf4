// Where a message is: for each member and each of their devices, whether it was delivered and read.

import type { ClientMessage, MessageWhere } from '@hongyan/client/api';
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
              // The sender has it anyway.
              members: where.member_count - 1,
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

function WhereList({ where }: { readonly where: MessageWhere }) {
  const { t } = useTranslation();
  const nameOf = useNames(where.members.map((member) => member.user_id));
  return (
    <ul className="people">
      {where.members.map((member) => (
        <li key={member.user_id} className="person person-devices">
          <Avatar id={member.user_id} name={nameOf(member.user_id)} size={38} />
          <div className="person-names">
            <span className="where-status">
              {nameOf(member.user_id)}
              <StatusWords status={member.status} />
            </span>
            {member.devices.length === 0 && <small className="quiet">{t('dialogs.noDevices')}</small>}
            {member.devices.map((device) => (
              <small key={device.device_id} className="where-status quiet">
                <span className="code device" title={device.device_id}>
                  {device.device_id}
                </span>
                {device.online && <span className="tag">{t('dialogs.deviceOnline')}</span>}
                <StatusWords status={device.status} />
              </small>
            ))}
          </div>
        </li>
      ))}
    </ul>
  );
}

function StatusWords({ status }: { readonly status: MessageWhere['members'][number]['status'] }) {
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
  const [where, setWhere] = useState<MessageWhere>();
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
