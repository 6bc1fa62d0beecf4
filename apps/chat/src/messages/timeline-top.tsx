// Above the first loaded message: older ones are on their way, cannot be had now, or this is where they begin.

import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import type { Timeline, TimelineView } from '../state/timeline.ts';
import { RetryButton } from './retry-button.tsx';

/** Kept free above the first message, whatever stands there, so that nothing moves when it changes. */
export const topPx = 64;

export function TimelineTop(props: {
  readonly view: TimelineView;
  readonly hasRows: boolean;
  readonly timeline: Timeline;
}) {
  const { view, hasRows, timeline } = props;
  const { t } = useTranslation();
  const isOnline = useSignal(useChat().connection).type === 'online';
  if (view.phase === 'failed') {
    return (
      <div className={hasRows ? 'timeline-top' : 'timeline-top timeline-only'} role="status">
        <p>{t(isOnline ? 'messages.loadFailed' : 'messages.notKept')}</p>
        <RetryButton className="button-small" onRetry={() => void timeline.open()} />
      </div>
    );
  }
  if (view.phase !== 'ready')
    return hasRows ? null : <div className="timeline-top timeline-only">{t('messages.loading')}</div>;
  if (view.hasOlder && view.failed.includes('older') && view.loading !== 'older') {
    return (
      <div className="timeline-top" role="status">
        <p>{t(isOnline ? 'messages.olderFailed' : 'messages.olderOffline')}</p>
        <RetryButton className="button-small" onRetry={() => void timeline.loadOlder()} />
      </div>
    );
  }
  if (view.hasOlder) return <div className="timeline-top">{t('messages.loading')}</div>;
  if (view.firstSeq > 1) return <div className="timeline-top timeline-gap">{t('messages.gap')}</div>;
  if (!hasRows) return <div className="timeline-top timeline-only">{t('messages.empty')}</div>;
  return <div className="timeline-top">{t('messages.start')}</div>;
}
