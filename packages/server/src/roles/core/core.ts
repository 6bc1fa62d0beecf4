// The core: orders changes, makes them durable, and executes the operations that gateways call. One per process.

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
import { CommandHandler, type CommandHandlerParts } from './command-handler.ts';
import { ConversationChanges } from './conversation-changes.ts';
import { ConversationViews } from './conversation-views.ts';
import { Conversations } from './conversations.ts';
import { CoreBus } from './core-bus.ts';
import { CoreNews } from './core-news.ts';
import type { CoreDeps, CoreOptions } from './deps.ts';
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

/** Waiting reads of one user; further ones fail as overloaded. All users together may have a hundred times as many. */
const readsPerUserMax = 1_024;
const readsAllMax = readsPerUserMax * 100;
const readsAtOnceMax = 8;

/** A membership that another core has changed is stale for at most this long if its invalidation is lost. */
const membershipAgeMsMax = 30_000;

export interface RunningCore extends Core {
  /**
   * Resolves when this core receives the invalidations of other cores, and has recovered positions that a crash left unwritten. Rejects
   * with StoreFailure.
   */
  readonly ready: Promise<void>;
  /** Refuses new commands, and resolves when the accepted ones are done. */
  drain(): Promise<void>;
}

/** Starts a core. It consumes the command log immediately. */
export function startCore(options: CoreOptions): RunningCore {
  const { clock, log, stores } = options;
  const bus = new CoreBus(options.bus, { clock, log, isTracked: stores.type === 'shared' });
  const deps = depsOf(options, bus);
  const services = buildServices(deps);
  const { accounts, keyCallers, presence, signOuts, sent } = services;
  consumeCommands(deps, services, bus);
  const news = stores.type === 'shared' ? new CoreNews(bus, services.memberships) : undefined;
  presence.start();
  signOuts.start();
  return {
    ready: Promise.all([news?.follow(), sent.recover()]).then(() => undefined),
    ...operationsOf(deps, services),
    identifyKey: (query) => keyCallers.identify(query).catch(asFailure),
    admitUser: (user) => accounts.admit(user).catch(asFailure),
    revocations: (page) => signOuts.revocations(page).catch(asFailure),
    openSession: (opening) => presence.open(opening).catch(asFailure),
    closeSession: (session) => presence.close(session),
    async drain() {
      presence.stop();
      signOuts.stop();
      await services.summaries.drain();
      await deps.commands.drain();
      await services.registrations.drain();
      await services.receipts.drain();
      await sent.drain();
      news?.stop();
    },
  };
}

/** Options that change while the core runs are read through. */
function depsOf(options: CoreOptions, bus: CoreBus): CoreDeps {
  const { timeline, directory } = options.stores;
  return {
    ...options,
    ...{ timeline, directory, bus },
    get limits() {
      return options.limits;
    },
    get isSignupEnabled() {
      return options.isSignupEnabled;
    },
  };
}

type Services = ReturnType<typeof buildServices>;

function buildServices(deps: CoreDeps) {
  const isSole = deps.stores.type === 'sole';
  const memberships = new MembershipCache(deps.directory, isSole ? {} : { ageMsMax: membershipAgeMsMax });
  const audiences = new Audiences();
  const sent = new SentPositions(deps);
  const views = new ConversationViews(deps, sent);
  const privates = new PrivateStates(deps);
  const keys = new ApiKeyLookup(deps.access, deps.clock);
  const signOuts = new SignOuts(deps);
  const accounts = new Accounts(deps, { onIssued: (atMs) => signOuts.issued(atMs) });
  const order = new SubmitOrder(deps.commands);
  const checks = deps.sendHook && new SendChecks(deps, deps.sendHook);
  return {
    ...{ memberships, audiences, sent, privates, signOuts, accounts },
    summaries: new ReactionSummaries(deps),
    keyCallers: new KeyCallers(deps, keys),
    backEnd: new BackEnd(deps, { accounts, signOuts }),
    webhooks: deps.webhooks && new WebhookEndpoints(deps.webhooks),
    registrations: new Registrations(deps, keys),
    ownedDevices: new OwnedDevices(deps),
    presence: new PresenceSessions(deps, memberships),
    receipts: new Receipts(deps, memberships, audiences),
    conversations: new Conversations(deps, memberships, { views, privates, order }),
    sends: new Sends(deps, memberships, { order, checks }),
    changes: new ChangeSends(deps, { order, checks }),
    history: new History(deps, memberships, views),
    places: new MessagePlaces(deps, memberships),
    reactions: new Reactions(deps, memberships),
    sync: new Sync(deps, views, privates),
  };
}

function consumeCommands(deps: CoreDeps, services: Services, bus: CoreBus): void {
  const { memberships, audiences, sent, summaries } = services;
  const conversations = new ConversationChanges(deps, memberships);
  const parts: CommandHandlerParts = {
    ...{ memberships, audiences, sent, summaries, conversations },
    messages: new MessageChanges(deps, memberships, summaries),
    references: new ReferenceChecks(deps, memberships),
    privates: new PrivateChanges(deps, memberships, services.privates),
  };
  const newHandler = () => new CommandHandler(deps, parts);
  const { stores } = deps;
  if (stores.type === 'shared') {
    const partitions = new Partitions({ stores, bus, memberships, conversations, sent, newHandler });
    deps.commands.consume((batch, place) => partitions.handle(batch, place), partitions);
  } else {
    const handler = newHandler();
    deps.commands.consume((batch) => handler.handle(batch));
  }
}

function operationsOf(deps: CoreDeps, services: Services): CoreOperations {
  const { accounts, backEnd, signOuts, registrations, ownedDevices } = services;
  const { conversations, sends, changes, history, places, reactions, sync, privates, receipts, presence } = services;
  const { reading } = new ReadTurns(deps);
  return {
    signup: guarded((caller, input) => accounts.signup(caller, input)),
    login: guarded((caller, input) => accounts.login(caller, input)),
    mintToken: guarded((_caller, input) => backEnd.mintToken(input)),
    pullEvents: guarded((_caller, input) => pullEvents(deps, input)),
    ...webhookOperationsOf(services.webhooks),
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
    getDevice: guarded((caller, input) => ownedDevices.get(caller, input)),
    bindDevice: guarded((caller, input) => ownedDevices.bind(caller, input)),
    unbindDevice: guarded((caller, input) => ownedDevices.unbind(caller, input)),
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

function webhookOperationsOf(webhooks: WebhookEndpoints | undefined): Pick<CoreOperations, WebhookOperation> {
  /** Refuses the operation on a server without webhooks. */
  const available = <N extends WebhookOperation>(
    handle: (endpoints: WebhookEndpoints, input: Input<N>) => Promise<Result<Output<N>>>,
  ): ((caller: Caller, input: Input<N>) => Promise<Result<Output<N>>>) =>
    guarded(async (_caller, input) => (webhooks ? handle(webhooks, input) : refusal.noWebhooks()));
  return {
    listWebhooks: available<'listWebhooks'>((endpoints) => endpoints.list()),
    addWebhook: available<'addWebhook'>((endpoints, input) => endpoints.add(input)),
    getWebhook: available<'getWebhook'>((endpoints, input) => endpoints.get(input)),
    changeWebhook: available<'changeWebhook'>((endpoints, input) => endpoints.change(input)),
    removeWebhook: available<'removeWebhook'>((endpoints, input) => endpoints.remove(input)),
    testWebhook: available<'testWebhook'>((endpoints, input) => endpoints.test(input)),
    rotateWebhookSecret: available<'rotateWebhookSecret'>((endpoints, input) => endpoints.rotate(input)),
    replayWebhook: available<'replayWebhook'>((endpoints, input) => endpoints.replay(input)),
    listWebhookAttempts: available<'listWebhookAttempts'>((endpoints, input) => endpoints.attempts(input)),
    listWebhookDeadLetters: available<'listWebhookDeadLetters'>((endpoints, input) => endpoints.deadLetters(input)),
  };
}

type Handle<C, I, O> = (caller: C, input: I) => Promise<Result<O>>;

/** Converts a StoreFailure into the failure of the operation, and rethrows anything else. */
function guarded<C, I, O>(handle: Handle<C, I, O>): Handle<C, I, O> {
  return (caller, input) => handle(caller, input).catch(asFailure);
}

/** Users take turns in reading, so that large pages of one user delay the reads of another by at most one page. */
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
