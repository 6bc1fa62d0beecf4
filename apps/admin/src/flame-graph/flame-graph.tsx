// A flame graph of a profile, callers above callees: search, zoom by mouse and keyboard, the same profile as a table below.

import { type FlameNode, flameTree } from '@hongyan/profile/flame-tree';
import { mainValue, type Profile } from '@hongyan/profile/profile';
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import { useWords } from '../i18n/words.ts';
import { amountWords, shareWords } from './amount.ts';
import { type Box, boxesOf, hueOf, isMatch, matchedShare, neighbourOf } from './flame-layout.ts';
import { FunctionTable } from './function-table.tsx';

export function FlameGraph({ profile }: { readonly profile: Profile }) {
  const t = useWords();
  const root = useMemo(() => flameTree(profile, { groupBy: 'thread' }), [profile]);
  const [zoomed, setZoomed] = useState(root);
  const [focused, setFocused] = useState(root);
  const [search, setSearch] = useState('');
  const boxes = useMemo(() => boxesOf(zoomed), [zoomed]);
  const graph = useRef<HTMLDivElement>(null);
  const searchField = useRef<HTMLInputElement>(null);
  if (root.total === 0) return <p className="quiet">{t('flame.empty')}</p>;

  function focus(node: FlameNode): void {
    setFocused(node);
    const at = boxes.findIndex((box) => box.node === node);
    graph.current?.querySelectorAll<HTMLElement>('.flame-box')[at]?.focus();
  }
  function zoom(node: FlameNode): void {
    setZoomed(node);
    setFocused(node);
  }
  function onKey(event: KeyboardEvent): void {
    if (event.key === '/') searchField.current?.focus();
    else if (event.key === 'Escape') zoom(zoomed.parent ?? root);
    else {
      const next = neighbourOf(boxes, focused, event.key);
      if (next === undefined) return;
      focus(next);
    }
    event.preventDefault();
  }

  return (
    <section className="flame" aria-label={t('flame.label')}>
      <div className="flame-head">
        <input
          ref={searchField}
          className="input flame-search"
          type="search"
          placeholder={t('flame.search')}
          aria-label={t('flame.search')}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        {search !== '' && (
          <output className="tag">{t('flame.matches', { share: shareWords(matchedShare(root, search), 1) })}</output>
        )}
        {zoomed !== root && (
          <button type="button" className="button-small" onClick={() => zoom(root)}>
            {t('flame.reset')}
          </button>
        )}
        <small className="hint">{t('flame.help')}</small>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the buttons inside, which have the focus */}
      <div className="flame-boxes" ref={graph} onKeyDown={onKey} style={{ height: `${heightOf(boxes)}px` }}>
        {boxes.map((box) => (
          <FlameBox
            key={idOf(box.node)}
            box={box}
            isFocused={box.node === focused}
            isFound={isMatch(box.node, search)}
            isDim={search !== '' && !isMatch(box.node, search)}
            onFocus={() => setFocused(box.node)}
            onZoom={() => zoom(box.node)}
          />
        ))}
      </div>
      <Details node={focused} root={root} profile={profile} />
      <FunctionTable profile={profile} search={search} />
    </section>
  );
}

const rowPx = 22;
const heightOf = (boxes: readonly Box[]): number => (Math.max(...boxes.map(({ node }) => node.depth)) + 1) * rowPx;

const ids = new WeakMap<FlameNode, number>();
let nextId = 0;
/** Nodes have no names of their own: the same function stands in many places. */
function idOf(node: FlameNode): number {
  const id = ids.get(node) ?? nextId++;
  ids.set(node, id);
  return id;
}

function FlameBox(props: {
  readonly box: Box;
  readonly isFocused: boolean;
  readonly isFound: boolean;
  readonly isDim: boolean;
  readonly onFocus: () => void;
  readonly onZoom: () => void;
}) {
  const t = useWords();
  const { node, left, width, isAbove } = props.box;
  return (
    <button
      type="button"
      className="flame-box"
      tabIndex={props.isFocused ? 0 : -1}
      data-above={isAbove || undefined}
      data-found={props.isFound || undefined}
      data-dim={props.isDim || undefined}
      style={{
        left: `${left * 100}%`,
        width: `${width * 100}%`,
        top: `${node.depth * rowPx}px`,
        ['--hue' as string]: hueOf(node),
      }}
      onFocus={props.onFocus}
      onMouseEnter={props.onFocus}
      onClick={props.onZoom}
    >
      {node.frame?.name ?? t('flame.all')}
    </button>
  );
}

function Details({
  node,
  root,
  profile,
}: {
  readonly node: FlameNode;
  readonly root: FlameNode;
  readonly profile: Profile;
}) {
  const t = useWords();
  const unit = profile.valueTypes[mainValue(profile)]?.unit ?? 'count';
  const words = (amount: number) => ({ amount: amountWords(amount, unit), share: shareWords(amount, root.total) });
  const { frame } = node;
  return (
    <p className="flame-details" aria-live="polite">
      <strong className="code">{frame?.name ?? t('flame.all')}</strong>{' '}
      {frame && frame.file !== '' && <span className="code quiet">{`${frame.file}:${frame.line}`}</span>}{' '}
      {t('flame.total', words(node.total))}, {t('flame.self', words(node.self))}
    </p>
  );
}
