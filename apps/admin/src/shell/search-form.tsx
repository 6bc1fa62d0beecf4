// A field for an id or a name, and the button that looks it up.

import { type FormEvent, useState } from 'react';

export function SearchForm(props: {
  readonly label: string;
  readonly action: string;
  readonly hint?: string;
  readonly first?: string;
  readonly onSearch: (text: string) => void;
}) {
  const [text, setText] = useState(props.first ?? '');
  function submit(event: FormEvent): void {
    event.preventDefault();
    props.onSearch(text.trim());
  }
  return (
    <search>
      <form className="toolbar" onSubmit={submit}>
        <label className="toolbar-field toolbar-wide">
          {props.label}
          <input
            className="input"
            type="search"
            value={text}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <button type="submit" className="button">
          {props.action}
        </button>
      </form>
      {props.hint !== undefined && <p className="hint">{props.hint}</p>}
    </search>
  );
}
