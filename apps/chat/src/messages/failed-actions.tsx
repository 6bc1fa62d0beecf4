// Below a message that the server refused for good: the reason, and the actions that can still help.

import type { ClientMessage } from '@hongyan/client/api';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { errorWords } from '../ui/error-words.ts';
import { type FailedAction, failedActions, runFailedAction } from './failed-message.ts';

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
      {failedActions(message).map((action: FailedAction) => (
        <button key={action} type="button" className="link" onClick={() => runFailedAction(chat, message, action)}>
          {t(`messages.${action}`)}
        </button>
      ))}
    </div>
  );
}
