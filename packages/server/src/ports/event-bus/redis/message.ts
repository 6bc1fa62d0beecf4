// Encodes the events of one topic as one message. An event is its kind, the length of its text, a colon and the text. Frames are copied
// unchanged: quoting JSON within JSON would be the most expensive step of their delivery.

import { assert } from '@hongyan/base/assert';
import type { BusEvent, Topic } from '../event-bus.ts';

const kinds = { frame: 'f', patientFrame: 'w', traceOfNext: 't', outcomes: 'o', lost: 'l', other: 'j' } as const;

export function encodeEvent(event: BusEvent): string {
  switch (event.type) {
    case 'frame': {
      const frame = item(event.mayWait ? kinds.patientFrame : kinds.frame, event.frame);
      return event.trace === undefined ? frame : item(kinds.traceOfNext, event.trace) + frame;
    }
    case 'outcomes':
      return item(kinds.outcomes, event.outcomes);
    case 'lost':
      return item(kinds.lost, '');
    default:
      return item(kinds.other, JSON.stringify(event));
  }
}

/** Throws if the text was not created by `encodeEvent` of this version. */
export function decodeEvents(topic: Topic, text: string): readonly BusEvent[] {
  const events: BusEvent[] = [];
  let trace: { readonly trace?: string } = {};
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const kind = text[at];
    const end = colon + 1 + Number(text.slice(at + 1, colon));
    assert(colon > at && end <= text.length, 'an event has the length that its header gives');
    const value = text.slice(colon + 1, end);
    if (kind === kinds.traceOfNext) trace = { trace: value };
    else {
      events.push(eventOf(topic, { kind, text: value, trace }));
      trace = {};
    }
    at = end;
  }
  return events;
}

const item = (kind: string, text: string): string => `${kind}${text.length}:${text}`;

interface Item {
  readonly kind: string | undefined;
  readonly text: string;
  readonly trace: { readonly trace?: string };
}

function eventOf(topic: Topic, { kind, text, trace }: Item): BusEvent {
  switch (kind) {
    case kinds.frame:
      return { type: 'frame', topic, frame: text, ...trace };
    case kinds.patientFrame:
      return { type: 'frame', topic, frame: text, mayWait: true, ...trace };
    case kinds.outcomes:
      return { type: 'outcomes', topic, outcomes: text };
    case kinds.lost:
      return { type: 'lost', topic };
    case kinds.other:
      return JSON.parse(text) as BusEvent;
    default:
      throw new Error(`unknown kind of event: ${kind}`);
  }
}
