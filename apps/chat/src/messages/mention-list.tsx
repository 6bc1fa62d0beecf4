// Whom the "@…" at the caret may mean: chosen by the arrows and Enter while the text keeps the focus, or by the pointer.

import { Avatar } from '../ui/avatar.tsx';
import type { Mentionable } from './mentions.ts';

export function MentionList(props: {
  readonly id: string;
  readonly label: string;
  readonly people: readonly Mentionable[];
  readonly chosen: number;
  readonly onPick: (person: Mentionable) => void;
}) {
  return (
    <div className="mention-list" id={props.id} role="listbox" aria-label={props.label}>
      {props.people.map((person, index) => (
        <div
          key={person.userId}
          id={optionId(props.id, index)}
          role="option"
          aria-selected={index === props.chosen}
          tabIndex={-1}
          // The text keeps the focus.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => props.onPick(person)}
          onKeyDown={(event) => event.key === 'Enter' && props.onPick(person)}
        >
          <Avatar id={person.userId} name={person.name} size={28} />
          <bdi>{person.name}</bdi>
          {person.userId !== 'all' && person.userId !== person.name && <span className="quiet">{person.userId}</span>}
        </div>
      ))}
    </div>
  );
}

export const optionId = (listId: string, index: number): string => `${listId}-${index}`;
