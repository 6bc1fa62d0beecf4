// A secret that is never shown again, ready to be copied.

import { useState } from 'react';
import { useWords } from '../i18n/words.ts';

export function OnceShown({ secret, text }: { readonly secret: string; readonly text: string }) {
  const t = useWords();
  const [isCopied, setCopied] = useState(false);
  return (
    <section className="notice once" aria-label={text}>
      <p>{text}</p>
      <p className="once-secret">
        <output className="code">{secret}</output>
        <button
          type="button"
          className="button-small"
          onClick={() => void navigator.clipboard.writeText(secret).then(() => setCopied(true))}
        >
          {t(isCopied ? 'app.copied' : 'app.copy')}
        </button>
      </p>
    </section>
  );
}
