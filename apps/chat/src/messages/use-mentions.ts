// Completion of mentions in the composer: whom to offer for the "@…" at the caret, and the keys that choose.

import type { ConversationView, UserId } from '@hongyan/client/api';
import { type KeyboardEvent, type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { isComposing } from '../ui/keys.ts';
import { type Mentionable, type MentionQuery, matching, named, queryAt, withMention, wordOf } from './mentions.ts';

export interface MentionOffer {
  readonly people: readonly Mentionable[];
  readonly chosen: number;
}

/** `isOff`: what is being written mentions nobody. `write`: puts a text into the composer. */
export function useMentions(
  conversation: ConversationView,
  textRef: RefObject<HTMLTextAreaElement | null>,
  { isOff, write }: { readonly isOff: boolean; readonly write: (text: string) => void },
) {
  const { references } = useChat();
  const [query, setQuery] = useState<MentionQuery>();
  const [chosen, setChosen] = useState(0);
  /** Where the caret belongs once the text with the mention is there: before the next key. */
  const caretRef = useRef<number>(undefined);
  useLayoutEffect(() => {
    const caret = caretRef.current;
    if (caret === undefined) return;
    caretRef.current = undefined;
    textRef.current?.setSelectionRange(caret, caret);
  });
  const everyone = useMentionable(conversation, query !== undefined);
  const people = query ? matching(everyone, query.text) : [];
  const offer: MentionOffer | undefined = people.length > 0 ? { people, chosen: chosen % people.length } : undefined;

  /** After each change of the text or of the caret. */
  function look(): void {
    const area = textRef.current;
    const next =
      area && !isOff && conversation.kind !== 'direct' && area.selectionStart === area.selectionEnd
        ? queryAt(area.value, area.selectionStart)
        : undefined;
    if (next?.from !== query?.from || next?.text !== query?.text) setChosen(0);
    if (next?.from !== query?.from) takeWritten();
    setQuery(next);
  }

  /** Who was written out in full instead of picked is mentioned too, once the word is at its end. */
  function takeWritten(): void {
    const person = query && named(everyone, query.text);
    if (!person) return;
    const word = wordOf(query.text);
    if (references.isPicked(conversation.conversationId, word)) return; // of several with that name, maybe another
    if (textRef.current?.value.startsWith(word, query.from))
      references.pick(conversation.conversationId, word, person.userId);
  }

  function close(): void {
    takeWritten();
    setQuery(undefined);
  }

  function pick({ userId, name }: Mentionable): void {
    const area = textRef.current;
    if (!area || !query) return;
    const { text, caret } = withMention(area.value, query, name);
    references.pick(conversation.conversationId, wordOf(name), userId);
    write(text);
    setQuery(undefined);
    area.focus();
    caretRef.current = caret;
  }

  /** Returns whether the key was one of the list's. */
  function onKey(event: KeyboardEvent): boolean {
    if (!offer || isComposing(event) || event.shiftKey) return false;
    const { length } = offer.people;
    const person = offer.people[offer.chosen];
    if (event.key === 'ArrowDown') setChosen((offer.chosen + 1) % length);
    else if (event.key === 'ArrowUp') setChosen((offer.chosen + length - 1) % length);
    else if (event.key === 'Escape') setQuery(undefined);
    else if ((event.key === 'Enter' || event.key === 'Tab') && person) pick(person);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
  return { offer, look, pick, onKey, close };
}

/** Members of larger groups are not read: then those are offered whose names are known here. */
const readMembersMax = 500;

function useMentionable(conversation: ConversationView, isWanted: boolean): readonly Mentionable[] {
  const { t } = useTranslation();
  const { client, people, userId: self } = useChat();
  const names = useSignal(people.names);
  const [members, setMembers] = useState<readonly UserId[]>();
  const { conversationId, memberCount, rules, role } = conversation;
  useEffect(() => {
    if (!isWanted || memberCount > readMembersMax) return;
    let isCurrent = true;
    client.members(conversationId).then(
      (found) => {
        people.learn(found);
        if (isCurrent) setMembers(found.map(({ userId }) => userId));
      },
      () => {}, // offline: those are offered who are known
    );
    return () => {
      isCurrent = false;
    };
  }, [client, people, conversationId, isWanted, memberCount]);
  const ids = members ?? (conversation.members.length > 0 ? conversation.members : [...names.keys()]);
  const everyone: readonly Mentionable[] =
    rules.mentionAll === 'members' || role !== 'member' ? [{ userId: 'all', name: t('messages.all') }] : [];
  return [
    ...everyone,
    ...ids.filter((userId) => userId !== self).map((userId) => ({ userId, name: names.get(userId) ?? userId })),
  ];
}
