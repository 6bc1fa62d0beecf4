// Whether a webhook is delivered to, fails, or was disabled, and why.

import type { WebhookEndpoint } from '@hongyan/protocol/operator/webhooks';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';

export function EndpointState({ endpoint }: { readonly endpoint: WebhookEndpoint }) {
  const t = useWords();
  const amounts = useAmounts();
  const { enabled, failures, failing_since, disabled_reason } = endpoint;
  const state = !enabled ? 'disabled' : failures > 0 ? 'failing' : 'well';
  return (
    <>
      <span className="stand" data-state={state}>
        {t(`webhooks.states.${state}`)}
      </span>
      {disabled_reason !== undefined && <span className="below quiet">{disabled_reason}</span>}
      {failing_since !== undefined && enabled && (
        <span className="below quiet">{t('webhooks.since', { when: amounts.ago(failing_since) })}</span>
      )}
    </>
  );
}
