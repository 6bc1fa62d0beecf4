// The form of a new API key: a name, and what it may do.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ask } from '../api/operator-api.ts';
import { useWords } from '../i18n/words.ts';
import { Failure } from '../shell/answer.tsx';

interface NewKeyRequest {
  readonly name: string;
  readonly scopes: readonly string[];
}

const create = (body: NewKeyRequest): Promise<{ readonly key: string }> =>
  ask('admin/v1/keys', { method: 'POST', body });

export function NewKey(props: { readonly scopes: readonly string[]; readonly onCreated: (key: string) => void }) {
  const t = useWords();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<readonly string[]>([]);
  const creating = useMutation({
    mutationFn: create,
    onSuccess({ key }, created) {
      props.onCreated(key);
      // The next key may have been begun meanwhile.
      setName((now) => (now === created.name ? '' : now));
      setScopes((now) => (now === created.scopes ? [] : now));
      return queries.invalidateQueries({ queryKey: ['keys'] });
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    creating.mutate({ name, scopes });
  }
  return (
    <form className="card stack" onSubmit={submit}>
      <label className="toolbar-field">
        {t('keys.name')}
        <input
          className="input"
          value={name}
          maxLength={100}
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
          required
        />
      </label>
      <fieldset className="checks">
        <legend>{t('keys.scopes')}</legend>
        {props.scopes.map((scope) => (
          <label key={scope} className="check code">
            <input
              type="checkbox"
              checked={scopes.includes(scope)}
              onChange={({ target }) =>
                setScopes(target.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))
              }
            />
            {scope}
          </label>
        ))}
      </fieldset>
      <div>
        <button type="submit" className="button" disabled={creating.isPending || scopes.length === 0}>
          {t('keys.create')}
        </button>
      </div>
      {creating.error && <Failure error={creating.error} />}
    </form>
  );
}
