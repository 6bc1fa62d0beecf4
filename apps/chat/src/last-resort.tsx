// What stands on the page when drawing it failed: never nothing, and a way on that does not lead to the same failure.

import { Component, type ReactNode } from 'react';
import { language } from './browser/settings.ts';

interface Props {
  readonly children?: ReactNode;
  /** A failure before anything was drawn. */
  readonly error?: unknown;
}

/** Its words are its own: the failure may be in what the other words come from. */
const words = {
  en: {
    title: 'Something went wrong',
    hint: 'Your messages are safe. Reload the page to go on.',
    reload: 'Reload',
    details: 'Details for a report',
  },
  zh: { title: '页面出错了', hint: '消息不会丢失，请刷新页面。', reload: '刷新', details: '错误详情' },
};

export class LastResort extends Component<Props, { readonly error?: unknown }> {
  override state: { readonly error?: unknown } = this.props.error === undefined ? {} : { error: this.props.error };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    const { title, hint, reload, details } = words[language.get()];
    return (
      <main className="last-resort" role="alert">
        <h1>{title}</h1>
        <p>{hint}</p>
        <button type="button" className="button" onClick={reloadFromList}>
          {reload}
        </button>
        <details>
          <summary>{details}</summary>
          <pre className="code">{error instanceof Error ? (error.stack ?? error.message) : String(error)}</pre>
        </details>
      </main>
    );
  }
}

/** Without the conversation in the address: it may be what cannot be drawn. */
function reloadFromList(): void {
  history.replaceState(null, '', location.pathname + location.search);
  location.reload();
}
