// Whether this browser notifies of new messages.

import { Choice } from '@hongyan/look/choice';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { Notifications } from './notifications.ts';

export function NotifyChoice() {
  const { t } = useTranslation();
  const { notifications } = useChat();
  const choice = useSignal(notifications.choice);
  const isBlocked = useSignal(notifications.isBlocked);
  if (!Notifications.isSupported) return null;
  const hint = choice === 'on' ? 'dialogs.notifyOnHint' : 'dialogs.notifyOffHint';
  return (
    <>
      <h3>{t('dialogs.notify')}</h3>
      <Choice
        label={t('dialogs.notify')}
        options={[
          { value: 'off' as const, label: t('dialogs.notifyOff') },
          { value: 'on' as const, label: t('dialogs.notifyOn') },
        ]}
        value={choice}
        onChange={(chosen) => void notifications.choose(chosen)}
      />
      <p className="hint" role="status">
        {t(isBlocked ? 'dialogs.notifyBlocked' : hint)}
      </p>
    </>
  );
}
