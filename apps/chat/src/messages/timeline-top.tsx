// Above the first loaded message: older ones are on their way, or this is where they begin.

import { useTranslation } from 'react-i18next';
import type { TimelineView } from '../state/timeline.ts';

/** Kept free above the first message, whatever stands there, so that nothing moves when it changes. */
export const topPx = 64;

export function TimelineTop(props: {
  readonly view: TimelineView;
  readonly hasRows: boolean;
  readonly onRetry: () => void;
}) {
  const { view, hasRows, onRetry } = props;
  const { t } = useTranslation();
  if (view.phase === 'failed') {
    return (
      <div className={hasRows ? 'timeline-top' : 'timeline-top timeline-only'}>
        <p>{t('messages.loadFailed')}</p>
        <button type="button" className="button-small" onClick={onRetry}>
          {t('messages.tryAgain')}
        </button>
      </div>
    );
  }
  if (view.phase !== 'ready')
    return hasRows ? null : <div className="timeline-top timeline-only">{t('messages.loading')}</div>;
  if (view.hasOlder) return <div className="timeline-top">{t('messages.loading')}</div>;
  if (view.firstSeq > 1) return <div className="timeline-top timeline-gap">{t('messages.gap')}</div>;
  if (!hasRows) return <div className="timeline-top timeline-only">{t('messages.empty')}</div>;
  return <div className="timeline-top">{t('messages.start')}</div>;
}
