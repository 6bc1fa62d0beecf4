// What happened to the conversation in the address (the user was removed from it, or it is not there), or that files are not sent.

import { unreachable } from '@hongyan/base/assert';
import { useTranslation } from 'react-i18next';
import { type Notice, useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { CloseIcon } from '../ui/icons.tsx';
import { isolated, Sentence } from '../ui/sentence.tsx';

export function NoticeBanner() {
  const { t } = useTranslation();
  const chat = useChat();
  const notice = useSignal(chat.notice);
  if (!notice) return null;
  return (
    <div className="banner notice-banner" data-tone="wait" role="status">
      <p>
        <Words notice={notice} />
      </p>
      <button
        type="button"
        className="button-icon"
        aria-label={t('connection.dismiss')}
        onClick={() => chat.notice.set(undefined)}
      >
        <CloseIcon size={17} />
      </button>
    </div>
  );
}

function Words({ notice }: { readonly notice: Notice }) {
  const { t } = useTranslation();
  switch (notice.type) {
    case 'removed':
      return <Sentence text={t('connection.removed', { title: isolated(notice.title) })} />;
    case 'unknown':
      return t('connection.unknown');
    case 'files':
      return t('connection.files');
    default:
      return unreachable(notice);
  }
}
