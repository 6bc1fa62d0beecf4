// A table with its name above it, in a frame that scrolls sideways where the screen is narrow.

import { type CSSProperties, type ReactNode, useId } from 'react';

export interface Column {
  readonly head: string;
  readonly isNumber?: boolean;
  /** The head is for screen readers alone: a column of buttons. */
  readonly isUnseen?: boolean;
}

export function Table(props: {
  readonly name: string;
  /** The page's own heading says it already. */
  readonly isNameUnseen?: boolean;
  readonly columns: readonly Column[];
  readonly children: ReactNode;
}) {
  const id = useId();
  return (
    <div className="table-section">
      <h2 id={id} className={props.isNameUnseen ? 'unseen' : undefined}>
        {props.name}
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <section className="table-frame" tabIndex={0} aria-labelledby={id}>
        <table className="table" style={headsOf(props.columns)}>
          <thead>
            <tr>
              {props.columns.map(({ head, isNumber, isUnseen }) => (
                <th key={head} scope="col" className={isNumber ? 'number' : undefined}>
                  {isUnseen ? <span className="unseen">{head}</span> : head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{props.children}</tbody>
        </table>
      </section>
    </div>
  );
}

/** For the style sheet, which on a phone shows each value below the head of its column. */
const headsOf = (columns: readonly Column[]): CSSProperties =>
  Object.fromEntries(
    columns.map(({ head, isUnseen }, at) => [`--head-${at + 1}`, isUnseen ? 'none' : JSON.stringify(head)]),
  );
