// Chooses the language; each is named in itself, so that everyone finds their own.

import { Choice } from '@hongyan/look/choice';
import { type Language, languageNames, languages } from '@hongyan/look/languages';
import { useTranslation } from 'react-i18next';
import { language } from '../browser/settings.ts';
import { useSignal } from '../state/signal.ts';

/** `onChange` beside the change of this page. */
export function LanguageSwitch({ onChange }: { readonly onChange?: (chosen: Language) => void }) {
  const { t } = useTranslation();
  return (
    <Choice
      label={t('dialogs.language')}
      options={languages.map((value) => ({ value, label: languageNames[value], lang: value }))}
      value={useSignal(language)}
      onChange={(chosen) => {
        language.set(chosen);
        onChange?.(chosen);
      }}
    />
  );
}
