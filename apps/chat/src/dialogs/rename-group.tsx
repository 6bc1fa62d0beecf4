// The name of a group, and the way to change it.

import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Field } from '../sign-in/field.tsx';
import { cleanName } from '../ui/clean-name.ts';

export function RenameGroup(props: {
  readonly title: string;
  readonly mayChange: boolean;
  /** false: it failed, and what was typed stays. */
  readonly onRename: (title: string) => Promise<boolean>;
}) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState<string>();

  async function rename(event: FormEvent): Promise<void> {
    event.preventDefault();
    const title = draft?.trim() ?? '';
    const isNew = title !== '' && title !== props.title;
    if (!isNew || (await props.onRename(title))) setDraft(undefined);
  }

  if (draft === undefined) {
    return (
      <div className="group-title">
        <strong>
          <bdi>{cleanName(props.title)}</bdi>
        </strong>
        {props.mayChange && (
          <button type="button" className="button-small" onClick={() => setDraft(props.title)}>
            {t('dialogs.rename')}
          </button>
        )}
      </div>
    );
  }
  return (
    <form className="stack" onSubmit={(event) => void rename(event)}>
      <Field
        label={t('dialogs.groupTitle')}
        value={draft}
        onChange={setDraft}
        name="title"
        autoComplete="off"
        maxLength={128}
      />
      <div className="buttons">
        <button type="button" className="button-quiet" onClick={() => setDraft(undefined)}>
          {t('dialogs.cancel')}
        </button>
        <button type="submit" className="button" disabled={draft.trim() === ''}>
          {t('dialogs.save')}
        </button>
      </div>
    </form>
  );
}
