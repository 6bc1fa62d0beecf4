// Below a message that the server refused for good: why, and what can be done with it.

import type { ClientMessage } from '@hongyan/client/api';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { errorWords } from '../ui/error-words.ts';

export function FailedActions({ message }: { readonly message: ClientMessage }) {
  const { t } = useTranslation();
  const chat = useChat();
  return (
    <div className="failed">
      <span>
        {message.error
          ? errorWords(Object.assign(new Error(message.error.message), message.error), t)
          : t('messages.failed')}
      </span>
      <button type="button" className="link" onClick={() => chat.client.retry(message.clientMsgId)}>
        {t('messages.retry')}
      </button>
      <button type="button" className="link" onClick={() => chat.discard(message)}>
        {t('messages.discard')}
      </button>
    </div>
  );
}
