// A new secret for a webhook: shown once, while the old one signs beside it for some hours.

import type { WebhookEndpoint } from '@hongyan/protocol/operator/webhooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useWords } from '../i18n/words.ts';
import { Failure } from '../shell/answer.tsx';
import { OnceShown } from '../shell/once-shown.tsx';
import { rotateSecret } from './webhook-queries.ts';

const overlapHoursDefault = '24';
const overlapHoursMax = 720;

export function SecretRotation({ endpoint }: { readonly endpoint: WebhookEndpoint }) {
  const t = useWords();
  const queries = useQueryClient();
  const [hours, setHours] = useState(overlapHoursDefault);
  const rotating = useMutation({
    mutationFn: () => rotateSecret(endpoint.id, Number(hours)),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['webhooks'] }),
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    rotating.mutate();
  }
  return (
    <>
      <form className="toolbar" onSubmit={submit}>
        <label className="toolbar-field">
          {t('webhooks.overlap')}
          <input
            className="input"
            type="number"
            min={0}
            max={overlapHoursMax}
            value={hours}
            onChange={(event) => setHours(event.target.value)}
            required
          />
        </label>
        <button type="submit" className="button" disabled={rotating.isPending}>
          {t('webhooks.rotate')}
        </button>
      </form>
      {rotating.error && <Failure error={rotating.error} />}
      {rotating.data && <OnceShown secret={rotating.data.secret} text={t('webhooks.rotated')} />}
    </>
  );
}
