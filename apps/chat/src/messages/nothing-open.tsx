// Right of the list while no conversation is open: what can be started, and at the first visit how to try it alone.

import { useTranslation } from 'react-i18next';
import type { StartDialog } from '../conversations/sidebar.tsx';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { Logo } from '../ui/icons.tsx';
import { StartButtons } from '../ui/start-buttons.tsx';

export function NothingOpen(props: {
  readonly hasConversations: boolean;
  readonly onStart: (dialog: StartDialog) => void;
}) {
  const { hasConversations, onStart } = props;
  const { t } = useTranslation();
  const isLate = !useSignal(useChat().hasCaughtUp) && !hasConversations;
  if (isLate)
    return (
      <main className="pane nothing-open">
        <Logo size={72} />
        <p role="status">{t('messages.loading')}</p>
      </main>
    );
  return (
    <main className="pane nothing-open">
      <Logo size={72} />
      <h1>{hasConversations ? t('messages.pick') : t('conversations.none')}</h1>
      <p className="quiet">{hasConversations ? t('messages.pickHint') : t('conversations.noneHint')}</p>
      <StartButtons onStart={onStart} />
      {!hasConversations && <p className="quiet nothing-open-hint">{t('conversations.secondAccount')}</p>}
    </main>
  );
}
