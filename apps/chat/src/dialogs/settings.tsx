// Who is signed in, what they have chosen for all their devices, and the way out.

import { Choice } from '@hongyan/look/choice';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { theme, themes } from '../browser/settings.ts';
import { NotifyChoice } from '../notifications/notify-choice.tsx';
import type { Session } from '../session.ts';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { enterKeys, receiptChoices, type UserSettings } from '../state/user-settings.ts';
import { Avatar } from '../ui/avatar.tsx';
import { LanguageSwitch } from '../ui/language-switch.tsx';
import { useName } from '../ui/use-names.ts';
import { Devices } from './devices.tsx';
import { Dialog } from './dialog.tsx';

export function Settings({ session, onClose }: { readonly session: Session; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const { userId, settings } = useChat();
  const name = useName(userId);
  const words = { system: t('dialogs.themeSystem'), light: t('dialogs.themeLight'), dark: t('dialogs.themeDark') };
  return (
    <Dialog title={t('dialogs.settings')} onClose={onClose}>
      <div className="person">
        <Avatar id={userId} name={name} size={48} />
        <span className="person-names">
          <small className="quiet">{t('dialogs.account')}</small>
          <strong>
            <bdi>{name}</bdi>
          </strong>
          <small className="quiet">{userId}</small>
        </span>
      </div>
      <h3>{t('dialogs.language')}</h3>
      <LanguageSwitch onChange={(chosen) => settings.choose('language', chosen)} />
      <h3>{t('dialogs.theme')}</h3>
      <Choice
        label={t('dialogs.theme')}
        options={themes.map((value) => ({ value, label: words[value] }))}
        value={useSignal(theme)}
        onChange={(chosen) => {
          theme.set(chosen);
          settings.choose('theme', chosen);
        }}
      />
      <Chosen settings={settings} />
      <NotifyChoice />
      <Devices session={session} />
      <SignOut session={session} />
    </Dialog>
  );
}

/** What Enter does, and who sees what was read. */
function Chosen({ settings }: { readonly settings: UserSettings }) {
  const { t } = useTranslation();
  const [enterKey, receipts] = [useSignal(settings.enterKey), useSignal(settings.receipts)];
  const hasKeyboard = matchMedia('(hover: hover)').matches; // on a phone nobody holds Shift
  const enterWords = { sends: t('dialogs.enterSends'), breaks: t('dialogs.enterBreaks') };
  const receiptWords = { shared: t('dialogs.receiptsShared'), private: t('dialogs.receiptsPrivate') };
  return (
    <>
      <h3>{t('dialogs.enterKey')}</h3>
      <Choice
        label={t('dialogs.enterKey')}
        options={enterKeys.map((value) => ({ value, label: enterWords[value] }))}
        value={enterKey}
        onChange={(chosen) => settings.choose('enterKey', chosen)}
      />
      {hasKeyboard ? (
        <p className="hint">{t(enterKey === 'sends' ? 'dialogs.enterSendsHint' : 'dialogs.enterBreaksHint')}</p>
      ) : (
        enterKey === 'breaks' && <p className="hint">{t('dialogs.enterBreaksTouchHint')}</p>
      )}
      <h3>{t('dialogs.receipts')}</h3>
      <Choice
        label={t('dialogs.receipts')}
        options={receiptChoices.map((value) => ({ value, label: receiptWords[value] }))}
        value={receipts ?? 'shared'}
        onChange={(chosen) => settings.choose('receipts', chosen)}
      />
      <p className="hint">{t(receipts === 'private' ? 'dialogs.receiptsPrivateHint' : 'dialogs.receiptsSharedHint')}</p>
      <p className="hint">{t('dialogs.settingsFollow')}</p>
    </>
  );
}

/** Asks once more when messages still wait: signing out forgets them. */
function SignOut({ session }: { readonly session: Session }) {
  const { t } = useTranslation();
  const waiting = useSignal(useChat().waitingCount);
  const [isWarned, setWarned] = useState(false);
  return (
    <>
      {isWarned && (
        <p className="problem" role="alert">
          {t('dialogs.logoutWaiting', { count: waiting })}
        </p>
      )}
      <button
        type="button"
        className="button-danger"
        onClick={() => (waiting > 0 && !isWarned ? setWarned(true) : session.signOut())}
      >
        {t('dialogs.logout')}
      </button>
    </>
  );
}
