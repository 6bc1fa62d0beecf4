// The core: orders what changes, makes it durable, and answers what gateways ask. One per process.

import { FairTurns } from '@hongyan/base/fair-turns';
import type { Seq } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import type { WebhookOperation } from '@hongyan/protocol/operations/webhooks';
import { asFailure, type Result, refusal } from '@hongyan/protocol/refusals';
import type { Caller, Core, CoreOperations } from '../../ports/core/core.ts';
import { Accounts } from './accounts.ts';
import { ApiKeyLookup } from './api-key-lookup.ts';
import { Audiences } from './audience.ts';
import { BackEnd } from './back-end.ts';
import { ChangeSends } from './change-sends.ts';
import { CommandHandler } from './command-handler.ts';
import { ConversationChanges } from './conversation-changes.ts';
import { ConversationViews } from './conversation-views.ts';
import { Conversations } from './conversations.ts';
import { CoreBus } from './core-bus.ts';
import { CoreNews } from './core-news.ts';
import type { CoreDeps } from './deps.ts';
import { pullEvents } from './events.ts';
import { History } from './history.ts';
import { KeyCallers } from './key-callers.ts';
import { MembershipCache } from './membership-cache.ts';
import { MessageChanges } from './message-changes.ts';
import { MessagePlaces } from './message-places.ts';
import { ReferenceChecks } from './message-references.ts';
import { OwnedDevices } from './owned-devices.ts';
import { Partitions } from './partitions.ts';
import { PresenceSessions } from './presence.ts';
import { PrivateChanges } from './private-changes.ts';
import { PrivateStates } from './private-states.ts';
import { ReactionSummaries } from './reaction-summaries.ts';
import { Reactions } from './reactions.ts';
import { Receipts } from './receipts.ts';
import { Registrations } from './registrations.ts';
import { SendChecks } from './send-checks.ts';
import { Sends } from './sends.ts';
import { SentPositions } from './sent-positions.ts';
import { SignOuts } from './sign-outs.ts';
import { SubmitOrder } from './submit-order.ts';
import { Sync } from './sync.ts';
import { WebhookEndpoints } from './webhook-endpoints.ts';

export interface RunningCore extends Core {
  /** Resolves when it hears of what other cores change, and knows what a crash left unwritten; rejects with StoreFailure. */
  readonly ready: Promise<void>;
  /** Refuses new commands and finishes the accepted ones. */
  drain(): Promise<void>;
}

/** Reads of one user that wait; further ones fail as overloaded. Of all users together, a hundred times as many. */
const readsPerUserMax = 1_024;
const readsAllMax = readsPerUserMax * 100;
const readsAtOnceMax = 8;

/** What another core changed, and could not tell, is seen here by then. */
const membershipAgeMsMax = 30_000;

/** A fresh instance consumes the command log at once. */
export function startCore(given: CoreDeps): RunningCore {
  const bus = new CoreBus(given.bus, { clock: given.clock, log: given.log, isTracked: given.shared !== undefined });
  // What is given stays live: a copy would not follow its getters.
  const deps: CoreDeps = Object.create(given, { bus: { value: bus } });
  const memberships = new MembershipCache(deps.directory, given.shared && { ageMsMax: membershipAgeMsMax });
  const audiences = new Audiences();
  const sent = new SentPositions(deps);
  const views = new ConversationViews(deps, sent);
  const summaries = new ReactionSummaries(deps);
  const privates = new PrivateStates(deps);
  const conversations = new ConversationChanges(deps, memberships);
  const messages = new MessageChanges(deps, memberships, summaries);
  const references = new ReferenceChecks(deps, memberships);
  const privateChanges = new PrivateChanges(deps, memberships, privates);
  const parts = { memberships, audiences, sent, conversations, messages, references, privates: privateChanges };
  const newHandler = () => new CommandHandler(deps, parts);
  if (deps.shared) {
    const partitions = new Partitions({ stores: deps.shared, bus, memberships, conversations, sent, newHandler });
    deps.commands.consume((batch, place) => partitions.handle(batch, place), partitions);
  } else {
    const handler = newHandler();
    deps.commands.consume((batch) => handler.handle(batch));
  }
  const news = deps.shared && new CoreNews(deps.bus, memberships);
  const receipts = new Receipts(deps, memberships, audiences);
  const keys = new ApiKeyLookup(deps.access, deps.clock);
  const registrations = new Registrations(deps, keys);
  const presence = new PresenceSessions(deps, memberships);
  presence.start();
  const signOuts = new SignOuts(deps);
  const accounts = new Accounts(deps, { onIssued: (atMs) => signOuts.issued(atMs) });
  const keyCallers = new KeyCallers(deps, keys);
  signOuts.start();
  return {
    ready: Promise.all([news?.follow(), sent.recover()]).then(() => undefined),
    ...operationsOf(deps, {
      accounts,
      memberships,
      views,
      privates,
      receipts,
      registrations,
      presence,
      signOuts,
    }),
    identifyKey: (asked) => keyCallers.identify(asked).catch(asFailure),
    admitUser: (user) => accounts.admit(user).catch(asFailure),
    revocations: (page) => signOuts.revocations(page).catch(asFailure),
    openSession: (opening) => presence.open(opening).catch(asFailure),
    closeSession: (session) => presence.close(session),
    async drain() {
      presence.stop();
      signOuts.stop();
      await summaries.drain();
      await deps.commands.drain();
      await registrations.drain();
      await receipts.drain();
      await sent.drain();
      news?.stop();
    },
  };
}

interface Parts {
  readonly accounts: Accounts;
  readonly memberships: MembershipCache;
  readonly views: ConversationViews;
  readonly privates: PrivateStates;
  readonly receipts: Receipts;
  readonly registrations: Registrations;
  readonly presence: PresenceSessions;
  readonly signOuts: SignOuts;
}

function webhookHandlers(administration: CoreDeps['webhooks']): Pick<CoreOperations, WebhookOperation> {
  const webhooks = administration && new WebhookEndpoints(administration);
  /** For a server that has them. */
  const asked = <N extends WebhookOperation>(
    ask: (endpoints: WebhookEndpoints, input: Input<N>) => Promise<Result<Output<N>>>,
  ): ((caller: Caller, input: Input<N>) => Promise<Result<Output<N>>>) =>
    guarded(async (_caller, input) => (webhooks ? ask(webhooks, input) : refusal.noWebhooks()));
  return {
    listWebhooks: asked<'listWebhooks'>((endpoints) => endpoints.list()),
    addWebhook: asked<'addWebhook'>((endpoints, input) => endpoints.add(input)),
    getWebhook: asked<'getWebhook'>((endpoints, input) => endpoints.get(input)),
    changeWebhook: asked<'changeWebhook'>((endpoints, input) => endpoints.change(input)),
    removeWebhook: asked<'removeWebhook'>((endpoints, input) => endpoints.remove(input)),
    testWebhook: asked<'testWebhook'>((endpoints, input) => endpoints.test(input)),
    rotateWebhookSecret: asked<'rotateWebhookSecret'>((endpoints, input) => endpoints.rotate(input)),
    replayWebhook: asked<'replayWebhook'>((endpoints, input) => endpoints.replay(input)),
    listWebhookAttempts: asked<'listWebhookAttempts'>((endpoints, input) => endpoints.attempts(input)),
    listWebhookDeadLetters: asked<'listWebhookDeadLetters'>((endpoints, input) => endpoints.deadLetters(input)),
  };
}

function operationsOf(
  deps: CoreDeps,
  { accounts, memberships, views, privates, receipts, registrations, presence, signOuts }: Parts,
): CoreOperations {
  const backEnd = new BackEnd(deps, { accounts, signOuts });
  const owned = new OwnedDevices(deps);
  const order = new SubmitOrder(deps.commands);
  const conversations = new Conversations(deps, memberships, { views, privates, order });
  const history = new History(deps, memberships, views);
  const places = new MessagePlaces(deps, memberships);
  const reactions = new Reactions(deps, memberships);
  const checks = deps.sendHook && new SendChecks(deps, deps.sendHook);
  const sends = new Sends(deps, memberships, { order, checks });
  const changes = new ChangeSends(deps, { order, checks });
  const sync = new Sync(deps, views, privates);
  const { reading } = new ReadTurns(deps);
  return {
    signup: guarded((caller, input) => accounts.signup(caller, input)),
    login: guarded((caller, input) => accounts.login(caller, input)),
    mintToken: guarded((_caller, input) => backEnd.mintToken(input)),
    pullEvents: guarded((_caller, input) => pullEvents(deps, input)),
    ...webhookHandlers(deps.webhooks),
    putUser: guarded((_caller, input) => backEnd.putUser(input)),
    logout: guarded((caller) => signOuts.logout(caller)),
    logoutAll: guarded((caller) => signOuts.logoutAll(caller)),
    listOwnDevices: guarded((caller) => signOuts.devices(caller)),
    revokeOwnDevice: guarded((caller, input) => signOuts.revokeDevice(caller, input)),
    getMe: guarded(({ userId }) => accounts.getUser(userId)),
    getUser: guarded((_caller, { user_id }) => accounts.getUser(user_id)),
    searchUsers: reading((caller, input) => accounts.search(caller, input)),
    createConversation: guarded((caller, input) => conversations.create(caller, input)),
    listConversations: reading((caller, input) => sync.list(caller, input)),
    getConversation: guarded((caller, input) => conversations.get(caller, input)),
    updateConversation: guarded((caller, input) => conversations.update(caller, input)),
    addMember: guarded((caller, input) => conversations.addMember(caller, input)),
    removeMember: guarded((caller, input) => conversations.removeMember(caller, input)),
    setRole: guarded((caller, input) => conversations.setRole(caller, input)),
    listMembers: reading((caller, input) => conversations.members(caller, input)),
    listReaders: reading((caller, input) => conversations.readers(caller, input)),
    send: guarded((caller, input) => sends.send(caller, input)),
    edit: guarded((caller, input) => changes.edit(caller, input)),
    recall: guarded((caller, input) => changes.recall(caller, input)),
    react: guarded((caller, input) => changes.react(caller, input)),
    pin: guarded((caller, input) => changes.pin(caller, input)),
    unpin: guarded((caller, input) => changes.unpin(caller, input)),
    listPinned: reading((caller, input) => history.pinned(caller, input)),
    setPrivate: guarded((caller, input) => changes.setPrivate(caller, input)),
    privateState: reading((caller, input) => privates.page(caller, input)),
    sync: reading((caller, input) => sync.device(caller, input)),
    history: reading((caller, input) => history.page(caller, input)),
    catchUp: reading((caller, input) => history.entriesAfter(caller, input)),
    getMessage: reading((caller, input) => places.byMsgId(caller, input)),
    listReactions: reading((caller, input) => reactions.page(caller, input)),
    findMessage: reading((caller, input) => places.byClientMsgId(caller, input)),
    registerDevice: guarded((caller, input) => registrations.one(caller, input)),
    registerDevices: guarded((caller, input) => registrations.batch(caller, input)),
    getDevice: guarded((caller, input) => owned.get(caller, input)),
    bindDevice: guarded((caller, input) => owned.bind(caller, input)),
    unbindDevice: guarded((caller, input) => owned.unbind(caller, input)),
    delivered: guarded((caller, { conversation_id, seq }) =>
      receipts.advance(caller, conversation_id, { deliveredSeq: seq, readSeq: 0 as Seq }),
    ),
    read: guarded((caller, { conversation_id, seq }) =>
      receipts.advance(caller, conversation_id, { deliveredSeq: seq, readSeq: seq }),
    ),
    typing: guarded((caller, input) => presence.typing(caller, input)),
    presence: guarded((_caller, input) => presence.presence(input)),
  };
}

type Handle<C, I, O> = (caller: C, input: I) => Promise<Result<O>>;

/** An adapter's failure becomes the operation's; a bug is thrown on. */
function guarded<C, I, O>(handle: Handle<C, I, O>): Handle<C, I, O> {
  return (caller, input) => handle(caller, input).catch(asFailure);
}

/** Users take turns in reading, so that one user's large pages delay another's by one page. */
class ReadTurns {
  readonly #turns: FairTurns<string>;

  constructor({ clock, meter }: Pick<CoreDeps, 'clock' | 'meter'>) {
    this.#turns = new FairTurns({
      clock,
      runningMax: readsAtOnceMax,
      waitingPerKeyMax: readsPerUserMax,
      waitingMax: readsAllMax,
    });
    meter.readQueue(() => this.#turns.waitingCount, readsAllMax);
  }

  readonly reading =
    <C extends Caller, I, O>(handle: Handle<C, I, O>): Handle<C, I, O> =>
    (caller, input) =>
      this.#turns.run(caller.userId, () => handle(caller, input)).catch(asFailure);
}
