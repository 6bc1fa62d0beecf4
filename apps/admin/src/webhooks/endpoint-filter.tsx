// Which events a webhook is sent: all of them, or those that are checked.

import type { WebhookEndpoint } from '@hongyan/protocol/operator/webhooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useWords } from '../i18n/words.ts';
import { Failure } from '../shell/answer.tsx';
import { endpointsQuery, setTypes } from './webhook-queries.ts';

export function EndpointFilter({ endpoint }: { readonly endpoint: WebhookEndpoint }) {
  const t = useWords();
  const known = useQuery(endpointsQuery).data?.types ?? endpoint.types;
  const queries = useQueryClient();
  /** undefined: as it is on the server. */
  const [chosen, setChosen] = useState<readonly string[]>();
  const types = chosen ?? endpoint.types;
  const saving = useMutation({
    mutationFn: (saved: readonly string[]) => setTypes(endpoint.id, saved),
    async onSuccess(_, saved) {
      await queries.invalidateQueries({ queryKey: ['webhooks'] });
      // More may have been checked meanwhile.
      setChosen((now) => (now === saved ? undefined : now));
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    saving.mutate(types);
  }
  return (
    <form className="card stack" onSubmit={submit}>
      <fieldset className="checks">
        <legend>{t('webhooks.filter')}</legend>
        {known.map((type) => (
          <label key={type} className="check code">
            <input
              type="checkbox"
              checked={types.includes(type)}
              onChange={({ target }) =>
                setChosen(target.checked ? [...types, type] : types.filter((one) => one !== type))
              }
            />
            {type}
          </label>
        ))}
      </fieldset>
      <p className="quiet">{t('webhooks.filterHint')}</p>
      <div>
        <button type="submit" className="button" disabled={saving.isPending || chosen === undefined}>
          {t('webhooks.saveFilter')}
        </button>
      </div>
      {saving.error && <Failure error={saving.error} />}
    </form>
  );
}
