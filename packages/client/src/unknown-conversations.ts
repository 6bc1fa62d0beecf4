// Conversations that a frame, an ack or the application names before this device has them: the server is asked once for each.

import type { ConversationId } from '@hongyan/protocol/ids';
import { toClientError } from './client-error.ts';
import type { ConversationState } from './conversation-state.ts';
import type { ArrivedEntry } from './entry-kind.ts';
import type { Conversation } from './wire.ts';

export interface UnknownConversationsOptions {
  readonly getConversation: (conversationId: ConversationId) => Promise<Conversation>;
  /** What the server answered, and the newest entry that arrived meanwhile: the answer may be older. */
  readonly onAnswer: (conversation: Conversation, newest: ArrivedEntry | undefined) => ConversationState;
  readonly onFailure: (error: unknown) => void;
}

interface Question {
  answer: Promise<ConversationState | undefined>;
  newest?: ArrivedEntry;
}

export class UnknownConversations {
  readonly #options: UnknownConversationsOptions;
  readonly #questions = new Map<ConversationId, Question>();

  constructor(options: UnknownConversationsOptions) {
    this.#options = options;
  }

  /** undefined when it is no conversation of this user. `entry` of it is shown in its turn. */
  learn(conversationId: ConversationId, entry?: ArrivedEntry): Promise<ConversationState | undefined> {
    let question = this.#questions.get(conversationId);
    if (!question) {
      question = { answer: Promise.resolve(undefined) };
      this.#questions.set(conversationId, question);
      question.answer = this.#ask(conversationId, question);
    }
    if (entry && entry.seq > (question.newest?.seq ?? 0)) question.newest = entry;
    return question.answer;
  }

  /** It was left: the answer that is on its way is ignored. */
  forget(conversationId: ConversationId): void {
    this.#questions.delete(conversationId);
  }

  /** [C1] The client is closed: what was shown from now on would not be kept, and be shown by the next run again. */
  forgetAll(): void {
    this.#questions.clear();
  }

  async #ask(conversationId: ConversationId, question: Question): Promise<ConversationState | undefined> {
    const { getConversation, onAnswer, onFailure } = this.#options;
    const isCurrent = () => this.#questions.get(conversationId) === question;
    try {
      const conversation = await getConversation(conversationId);
      return isCurrent() ? onAnswer(conversation, question.newest) : undefined;
    } catch (error) {
      // not_member: left again meanwhile. After anything else the next sync lists it.
      if (toClientError(error).code !== 'not_member') onFailure(error);
      return undefined;
    } finally {
      if (isCurrent()) this.#questions.delete(conversationId);
    }
  }
}
