// A secret that is never shown again, ready to be copied.

import { copyText } from '@hongyan/look/copy-text';
import { useState } from 'react';
import { useWords } from '../i18n/words.ts';

export function OnceShown({ secret, text }: { readonly secret: string; readonly text: string }) {
  const t = useWords();
  const [copied, setCopied] = useState<string>();
  async function copy(): Promise<void> {
    if (await copyText(secret)) setCopied(secret);
  }
  return (
    <section className="notice once" aria-label={text}>
      <p>{text}</p>
      <p className="once-secret">
        <output className="code">{secret}</output>
        <button type="button" className="button-small" onClick={() => void copy()}>
          {t(copied === secret ? 'app.copied' : 'app.copy')}
        </button>
      </p>
    </section>
  );
}
