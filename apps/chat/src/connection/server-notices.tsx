// What those who run the server say to everyone, until it is over or dismissed.

import type { ServerNotice } from '@hongyan/client/api';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { CloseIcon } from '../ui/icons.tsx';

export function ServerNotices() {
  const notices = useSignal(useChat().serverNotices);
  return notices.map((notice) => <ServerNoticeBar key={notice.id} notice={notice} />);
}

function ServerNoticeBar({ notice }: { readonly notice: ServerNotice }) {
  const { t } = useTranslation();
  const { client } = useChat();
  return (
    // A screen reader is told at once of what is critical, and of the rest when it has finished.
    <div
      className="banner notice-banner server-notice"
      data-tone={notice.severity === 'critical' ? 'stop' : 'wait'}
      role={notice.severity === 'critical' ? 'alert' : 'status'}
    >
      <p dir="auto">
        <span className="server-notice-source">{t(`notice.${notice.severity}`)}</span> {notice.text}
      </p>
      <button
        type="button"
        className="button-icon"
        aria-label={t('connection.dismiss')}
        onClick={() => client.dismissNotice(notice.id)}
      >
        <CloseIcon size={17} />
      </button>
    </div>
  );
}
