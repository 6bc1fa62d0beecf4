// Asks again for messages that could not be loaded: without a connection for that first, and they follow by themselves.

import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';

/** Nothing while the connection is on its way, or closed: the banner says what can be done then. */
export function RetryButton({ className, onRetry }: { readonly className: string; readonly onRetry: () => void }) {
  const { t } = useTranslation();
  const { client, connection } = useChat();
  const { type } = useSignal(connection);
  if (type !== 'online' && type !== 'reconnecting') return null;
  // The state says how it went.
  const retry = () => (type === 'online' ? onRetry() : void client.connect().catch(() => {}));
  return (
    <button type="button" className={className} onClick={retry}>
      {t('messages.tryAgain')}
    </button>
  );
}
