// Leaves a group, after asking once: its messages cannot be read after that.

import { useState } from 'react';
import { useTranslation } from 'react-i18next';

export function LeaveGroup({ onLeave }: { readonly onLeave: () => Promise<void> }) {
  const { t } = useTranslation();
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) {
    return (
      <button type="button" className="button-danger" onClick={() => setAsking(true)}>
        {t('dialogs.leave')}
      </button>
    );
  }
  return (
    <div className="confirm" role="alert">
      <p>{t('dialogs.leaveSure')}</p>
      <div className="buttons">
        <button type="button" className="button-quiet" onClick={() => setAsking(false)}>
          {t('dialogs.cancel')}
        </button>
        <button type="button" className="button-danger" onClick={() => void onLeave()}>
          {t('dialogs.leave')}
        </button>
      </div>
    </div>
  );
}
