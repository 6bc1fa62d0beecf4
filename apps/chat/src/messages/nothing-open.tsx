// Right of the list while no conversation is open.

import { useTranslation } from 'react-i18next';
import { Logo } from '../ui/icons.tsx';

export function NothingOpen() {
  const { t } = useTranslation();
  return (
    <main className="pane nothing-open">
      <Logo size={72} />
      <p>{t('messages.pick')}</p>
      <p className="quiet">{t('messages.pickHint')}</p>
    </main>
  );
}
