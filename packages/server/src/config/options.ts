// Every option, declared once: flags, environment variables, file keys, --help and check-config derive from it.

interface Common<Name extends string> {
  readonly name: Name;
  readonly description: string;
}
export interface TextOption<Name extends string = string> extends Common<Name> {
  readonly type: 'text';
  readonly default: string;
  /** What stands for the value in --help. */
  readonly placeholder: string;
  readonly oneOf?: readonly string[];
}
export interface NumberOption<Name extends string = string> extends Common<Name> {
  readonly type: 'number';
  readonly default: number;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
}
export interface SwitchOption<Name extends string = string> extends Common<Name> {
  readonly type: 'switch';
  readonly default: boolean;
}
export type Option = TextOption | NumberOption | SwitchOption;

const text = <N extends string>(
  name: N,
  value: string,
  placeholder: string,
  description: string,
  oneOf?: readonly string[],
) =>
  ({
    type: 'text',
    name,
    default: value,
    placeholder,
    description,
    ...(oneOf ? { oneOf } : {}),
  }) as const satisfies TextOption<N>;
const number = <N extends string>(
  name: N,
  value: number,
  unit: string,
  range: readonly [number, number],
  description: string,
) =>
  ({
    type: 'number',
    name,
    default: value,
    unit,
    min: range[0],
    max: range[1],
    description,
  }) as const satisfies NumberOption<N>;
const onOff = <N extends string>(name: N, value: boolean, description: string) =>
  ({ type: 'switch', name, default: value, description }) as const satisfies SwitchOption<N>;

const mebibyte = 1024 * 1024;

export const options = [
  text(
    'profile',
    'embedded',
    'name',
    'Embedded keeps everything in the data folder of one server, cluster keeps it in MySQL, Kafka and Redis, for any number of processes',
    ['embedded', 'cluster'],
  ),
  text(
    'roles',
    'gateway,core,worker',
    'list',
    'In a cluster: what this process does. gateway: clients connect to it; core: orders and stores; worker: what is done later',
  ),
  text(
    'node',
    '',
    'name',
    'In a cluster: the name of this process, like no other; empty = made of the machine, the roles and a number',
  ),
  text('listen', '127.0.0.1:8080', 'host:port', 'Where clients connect; port 0 takes any free one'),
  text(
    'operator-listen',
    '127.0.0.1:8090',
    'host:port',
    "Where operators ask for metrics, health and more, with the token in the data folder's operator-token; empty = nowhere",
  ),
  text('data', './data', 'folder', 'Where everything durable is kept'),
  text('tls-cert', '', 'file', 'PEM certificate chain; with --tls-key the server speaks https and wss'),
  text('tls-key', '', 'file', 'PEM private key'),
  text('web-root', '', 'folder', 'Files of the web client; empty = the one that came with the server'),
  text('public-url', '', 'url', 'What GET /v1/route answers; empty = derived from listen'),
  text('log-level', 'info', 'level', 'Lowest level that is logged', ['debug', 'info', 'warn', 'error']),
  onOff('signup-enabled', true, 'Anyone who reaches the server may create an account'),
  number('token-ttl-s', 604_800, 's', [1, 31_536_000], 'Life of an access token'),
  text(
    'jwt-jwks',
    '',
    'source',
    "Public keys of the application's identity provider, as a JWKS: tokens that it signed with RS256, ES256 or EdDSA are let in beside the server's own. Needs jwt-issuer and jwt-audience",
  ),
  text('jwt-issuer', '', 'text', 'What the claim iss of such tokens has to say'),
  text('jwt-audience', '', 'text', 'What the claim aud of such tokens has to contain'),
  text('jwt-user-claim', 'sub', 'claim', 'The claim of such tokens that has the user id'),
  onOff('jwt-create-users', true, 'Users of such tokens are created when they first come'),
  number(
    'revocations-max',
    1_000_000,
    'revocations',
    [1_000, 100_000_000],
    'Of tokens that were logged out and have not expired; further ones are refused as overloaded',
  ),
  number(
    'heartbeat-ms',
    30_000,
    'ms',
    [200, 600_000],
    'A silent connection is asked after one interval and closed after two',
  ),
  number('hello-timeout-ms', 10_000, 'ms', [100, 120_000], 'A connection that has not said hello by then is closed'),
  number(
    'drain-seconds',
    5,
    's',
    [0, 600],
    'A stop tells each client to come back at a moment of its own within this time, and requests under way have as long to finish',
  ),
  number(
    'drain-delay-seconds',
    0,
    's',
    [0, 600],
    'Before that a stop goes on serving for so long, while /readyz says no, so that load balancers send nobody any more',
  ),
  number(
    'frame-bytes-max',
    65_536,
    'bytes',
    [1024, 16 * mebibyte],
    'Larger frames and bodies are refused as too_large',
  ),
  number('content-bytes-max', 32_768, 'bytes', [256, 8 * mebibyte], 'Larger message contents are refused as too_large'),
  number(
    'retention-days',
    0,
    'days',
    [0, 36_500],
    'Messages older than this are removed, whole months at a time; 0 = kept for ever',
  ),
  number(
    'edit-window-s',
    86_400,
    's',
    [0, 315_360_000],
    'How long after it was sent a message may be edited; 0 = messages are never edited',
  ),
  onOff('owners-may-edit', false, 'Owners of a group may edit the messages of others'),
  number(
    'reaction-keys-max',
    20,
    'keys',
    [1, 100],
    'Further different reactions to one message are refused as too_large',
  ),
  number('pinned-max', 50, 'messages', [1, 500], 'Further pinned messages of a conversation are refused as too_large'),
  number(
    'mention-all-max',
    1_000,
    'members',
    [0, 100_000],
    'In larger conversations a message that mentions all is refused; 0 = always',
  ),
  number('page-max', 200, 'entries', [1, 500], 'Larger limits are cut to this'),
  number(
    'conversations-per-user-max',
    10_000,
    'conversations',
    [1, 1_000_000],
    'A user with this many is added to no further ones: refused as too_large',
  ),
  number('group-members-max', 10_000, 'members', [2, 100_000], 'Further members are refused as too_large'),
  number('members-inline-max', 100, 'members', [2, 1000], 'Larger conversations do not list their members inline'),
  number(
    'receipts-push-max',
    100,
    'members',
    [2, 1000],
    'In larger conversations receipts are counted, not pushed to everyone',
  ),
  number(
    'gateways',
    1,
    'processes',
    [1, 64],
    'Processes that accept connections on the one port, in front of one core; 1 = all in one process',
  ),
  number(
    'link-timeout-ms',
    10_000,
    'ms',
    [100, 600_000],
    'With several gateways: a request that the core has not answered by then is answered unavailable, a send unknown_outcome',
  ),
  number(
    'link-in-flight-max',
    65_536,
    'requests',
    [1, 1_000_000],
    'With several gateways: further requests of one gateway to the core are refused as overloaded',
  ),
  number(
    'link-backlog-bytes-max',
    64 * mebibyte,
    'bytes',
    [65_536, 4096 * mebibyte],
    'With several gateways: with more unread events than this one is told that it lost some, and its connections catch up',
  ),
  number(
    'connections-max',
    1_000_000,
    'connections',
    [1, 10_000_000],
    'Further connections of one gateway are refused as overloaded',
  ),
  number(
    'connection-backlog-bytes-max',
    mebibyte,
    'bytes',
    [4096, 256 * mebibyte],
    'With more unsent than this a connection is closed as slow_consumer',
  ),
  number(
    'backlog-bytes-max',
    256 * mebibyte,
    'bytes',
    [65_536, 65_536 * mebibyte],
    'With more unsent than this for all connections together, the slowest are closed as slow_consumer',
  ),
  number(
    'hello-pending-max',
    1_024,
    'connections',
    [1, 1_000_000],
    'Connections that have not said hello; further ones are refused as overloaded',
  ),
  number(
    'in-flight-per-connection-max',
    256,
    'requests',
    [1, 65_536],
    'Further requests of the connection are refused as overloaded',
  ),
  text(
    'tiers',
    'free=10/20/100,paid=100/200/1000',
    'list',
    'What a user of each tier may ask, as name=requests a second/requests at once/MiB stored a day; unlimited is always there',
  ),
  text('default-tier', 'free', 'name', 'The tier of users for whom neither their token nor the back end names one'),
  text(
    'trusted-proxies',
    '127.0.0.0/8,::1',
    'networks',
    'Whose X-Forwarded-For says which client they ask for; whoever of them names none has no limits by address',
  ),
  number(
    'address-requests-per-second',
    20,
    'requests',
    [0, 1_000_000],
    'Requests of one address without a valid token, five times as many at once; beyond it rate_limited. 0 = no limit',
  ),
  number(
    'address-handshakes-per-second',
    50,
    'connections',
    [0, 1_000_000],
    'WebSocket connections that one address may open, ten times as many at once; beyond it rate_limited. 0 = no limit',
  ),
  number(
    'address-connections-max',
    2_000,
    'connections',
    [0, 1_000_000],
    'Further WebSocket connections of one address are refused as rate_limited; 0 = no limit',
  ),
  number(
    'address-logins-per-minute',
    60,
    'logins',
    [0, 1_000_000],
    'Attempts to log in from one address, to all accounts together; beyond it rate_limited. 0 = no limit',
  ),
  number(
    'address-signups-per-hour',
    100,
    'accounts',
    [0, 1_000_000],
    'Accounts made from one address, a fifth of them at once; beyond it rate_limited. 0 = no limit',
  ),
  number(
    'rate-limit-buckets-max',
    200_000,
    'buckets',
    [1_000, 100_000_000],
    'Users and addresses whose rates are remembered at a time; of more the fullest buckets are forgotten',
  ),
  number('command-queue-max', 20_000, 'commands', [1, 1_000_000], 'Further commands are refused as overloaded'),
  number(
    'commands-per-user-max',
    1_024,
    'commands',
    [1, 1_000_000],
    'Further commands of one user are refused as overloaded',
  ),
  number(
    'commit-batch-max',
    2_000,
    'commands',
    [1, 100_000],
    'A commit takes at most so many; the rest waits for the next',
  ),
  number(
    'commit-batch-per-user-max',
    64,
    'commands',
    [1, 100_000],
    'A commit takes at most so many of one user, so that nobody waits behind a long line of another',
  ),
  onOff('events-pull', false, 'Events are recorded for GET /v1/events, though no webhook wants them'),
  onOff(
    'row-changes',
    false,
    'In a cluster: workers forget in Redis what the binary log says was changed, which Debezium writes to Kafka (deploy/row-changes)',
  ),
  number('events-retention-hours', 168, 'hours', [1, 8_760], 'Events older than this are removed, delivered or not'),
  number(
    'events-bytes-max',
    1024 * mebibyte,
    'bytes',
    [mebibyte, Number.MAX_SAFE_INTEGER],
    'With more recorded than this the oldest events are removed, delivered or not',
  ),
  onOff(
    'webhook-private-addresses',
    false,
    'Webhooks may be sent to addresses of this machine and of private networks',
  ),
  number('webhook-concurrency', 8, 'requests', [1, 256], 'Requests under way at once to one webhook endpoint'),
  number(
    'webhook-timeout-ms',
    10_000,
    'ms',
    [50, 120_000],
    'A webhook endpoint that has not answered by then counts as failed',
  ),
  number(
    'webhook-attempts-max',
    12,
    'attempts',
    [1, 100],
    'An event whose last attempt fails becomes a dead letter of its endpoint',
  ),
  number(
    'webhook-retry-ms',
    5_000,
    'ms',
    [10, 3_600_000],
    'Pause before the second attempt; each further one is four times as long, up to twelve hours',
  ),
  number(
    'webhook-waiting-max',
    10_000,
    'events',
    [1, 1_000_000],
    'Events that may wait behind failed ones of their conversations; with more, all of the endpoint wait',
  ),
  number(
    'webhook-give-up-hours',
    120,
    'hours',
    [1, 8_760],
    'An endpoint that failed for so long without a success is disabled',
  ),
  text('before-send-url', '', 'url', 'Asked before each message is accepted; empty = nobody is'),
  number(
    'before-send-timeout-ms',
    1_000,
    'ms',
    [10, 30_000],
    'Without an answer of before-send-url by then, before-send-fail decides',
  ),
  text(
    'before-send-fail',
    'closed',
    'mode',
    'Messages that before-send-url gave no verdict on are refused for the moment (closed) or accepted (open)',
    ['open', 'closed'],
  ),
  number(
    'before-send-in-flight-max',
    256,
    'messages',
    [1, 65_536],
    'Messages that before-send-url is asked about at once; further ones are refused as overloaded',
  ),
  number(
    'tasks-max',
    100_000,
    'tasks',
    [1, 10_000_000],
    'Tasks for later that wait; further ones are refused as overloaded',
  ),
  number(
    'task-bytes-max',
    512 * mebibyte,
    'bytes',
    [1024, 65_536 * mebibyte],
    'What the waiting tasks hold together; further ones are refused as overloaded',
  ),
  number(
    'dead-letters-max',
    10_000,
    'tasks',
    [1, 1_000_000],
    'Tasks that were given up are kept to be looked at and done again; of more, the oldest are removed',
  ),
  number(
    'signature-window-s',
    300,
    's',
    [1, 86_400],
    'A request signed with an API key may be so much older or newer than the clock of the server',
  ),
  number(
    'signatures-max',
    1_000_000,
    'signatures',
    [1000, 100_000_000],
    'Used signatures that are remembered within the window; of more the oldest are forgotten, and requests as old refused',
  ),
  number(
    'store-bytes-max',
    0,
    'bytes',
    [0, Number.MAX_SAFE_INTEGER],
    'Each store file grows to this; sends are then refused as unavailable. 0 = no limit',
  ),
  text(
    'trace-url',
    '',
    'url',
    'Where spans go, by OTLP over HTTP: http://127.0.0.1:4318/v1/traces; empty = nothing is traced',
  ),
  number('trace-one-in', 1000, 'requests', [1, 1_000_000], 'One of so many requests is traced; 1 = each'),
  text(
    'cluster-name',
    'hongyan',
    'name',
    'In a cluster: what its databases, topics and keys begin with, so that several clusters share servers',
  ),
  text(
    'mysql-url',
    'mysql://root@127.0.0.1:3306',
    'url',
    'In a cluster: the server of MySQL, MariaDB or TiDB. {service} in it stands for timeline, directory, access and devices, which may each have a user of their own',
  ),
  number('mysql-pool-max', 20, 'connections', [1, 1_000], 'Connections of one process to the database of one service'),
  number(
    'mysql-pool-idle-min',
    5,
    'connections',
    [0, 1_000],
    'Of those, so many are kept while they have nothing to do',
  ),
  number(
    'mysql-connect-timeout-ms',
    30_000,
    'ms',
    [100, 600_000],
    'A database that has not accepted a connection by then cannot be reached',
  ),
  text(
    'kafka-brokers',
    '127.0.0.1:9092',
    'list',
    'In a cluster: some of the brokers, as host:port joined by commas; the others are learnt from these',
  ),
  number(
    'kafka-partitions',
    12,
    'partitions',
    [1, 1_000],
    'Of a topic that this server makes; no more cores than these have work',
  ),
  text(
    'redis-urls',
    'redis://127.0.0.1:6379',
    'list',
    'In a cluster: the one server of Redis, or some nodes of a Redis Cluster, joined by commas; rediss:// speaks TLS',
  ),
  text(
    'link-listen',
    '127.0.0.1:0',
    'host:port',
    'In a cluster: where the gateways reach a core, which tells them the address; port 0 takes any free one',
  ),
  text(
    'link-address',
    '',
    'host:port',
    'What a core tells the gateways instead of link-listen, where that is a wildcard address or behind a translation',
  ),
  text('link-tls-cert', '', 'file', 'PEM certificate of this process for the links between gateways and cores'),
  text('link-tls-key', '', 'file', 'PEM private key of link-tls-cert'),
  text('link-tls-ca', '', 'file', 'PEM certificate of the authority that signed link-tls-cert of every process'),
  number('profile-length-s', 10, 's', [1, 300], 'Length of a CPU profile that the watchdog or an alert takes'),
  number(
    'profile-pause-s',
    600,
    's',
    [1, 86_400],
    'After a profile that the watchdog or an alert took, further ones of the same process are not taken for so long',
  ),
  number('profiles-max', 20, 'profiles', [1, 1000], 'Kept profiles; the oldest beyond it are removed'),
  number(
    'profiles-bytes-max',
    256 * mebibyte,
    'bytes',
    [mebibyte, 65_536 * mebibyte],
    'What kept profiles take together; the oldest beyond it are removed',
  ),
  number(
    'watchdog-lag-ms',
    250,
    'ms',
    [0, 60_000],
    'A process whose event loop is late by so much in three of ten seconds is profiled; 0 = not watched',
  ),
  number(
    'watchdog-slow-ack-ms',
    500,
    'ms',
    [0, 60_000],
    'A process in which one of a hundred sends takes longer to its ack is profiled; 0 = not watched',
  ),
  number(
    'watchdog-growth-bytes-max',
    1024 * mebibyte,
    'bytes',
    [0, Number.MAX_SAFE_INTEGER],
    'A process whose memory grows by so much within half an hour is profiled; 0 = not watched',
  ),
] as const;

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;
type ValueOf<O extends Option> = O extends NumberOption ? number : O extends SwitchOption ? boolean : string;
type Declared = (typeof options)[number];

/** The effective values, keyed in camelCase: `--frame-bytes-max` is `frameBytesMax`. */
export type Config = { readonly [O in Declared as Camel<O['name']>]: ValueOf<O> };
export type OptionName = Declared['name'];

export const camelCase = (name: string): string =>
  name.replace(/-(\w)/g, (_match, letter: string) => letter.toUpperCase());
export const environmentName = (name: string): string => `HONGYAN_${name.replaceAll('-', '_').toUpperCase()}`;
export const fileKey = (name: string): string => name.replaceAll('-', '_');
