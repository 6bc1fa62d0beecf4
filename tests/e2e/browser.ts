// A real browser before a real server: what the tests of the web chat stand on.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient, login, signup, type UserId } from '@hongyan/client';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';

export const password = 'correct horse';
/** A page that does not show what is waited for within this has failed. */
export const waitMsMax = 20_000;
const apps = join(import.meta.dir, '../../apps');
export const webRoot = join(apps, 'chat/dist');

export interface Stage {
  /** A test that stops it puts one in its place. */
  server: ServerProcess;
  readonly browser: Browser;
  /** A browser of its own: no storage shared with the others. */
  context(options?: Parameters<Browser['newContext']>[0]): Promise<BrowserContext>;
  /** The client library as another user's device, online; the account is made when there is none. */
  client(userId: string): Promise<Client>;
  /** Closes browsers and clients: for afterEach, so that nobody of one test is online in the next. */
  leave(): Promise<void>;
  end(): Promise<void>;
}

/** `args`: further options of the server. */
export const openStage = (name: string, args: readonly string[] = []): Promise<Stage> =>
  stageOf(async () =>
    startServer({
      dataDir: await dataFolder(name),
      args: ['--web-root', webRoot, '--log-level', 'warn', ...args],
    }),
  );

export async function stageOf(start: () => Promise<ServerProcess>): Promise<Stage> {
  await Promise.all([built('chat'), built('admin')]);
  const server = await start();
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const clients: Client[] = [];
  const stage: Stage = {
    server,
    browser,
    async client(userId) {
      const client = await connectedClient(stage.server.url, userId as UserId);
      clients.push(client);
      return client;
    },
    async context(options) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options });
      context.setDefaultTimeout(waitMsMax);
      return context;
    },
    async leave() {
      await Promise.all(browser.contexts().map((context) => context.close()));
      await Promise.all(clients.splice(0).map((client) => client.close()));
    },
    async end() {
      await browser.close();
      await killServers();
      await removeDataFolders();
    },
  };
  return stage;
}

async function connectedClient(url: string, userId: UserId): Promise<Client> {
  const account = { url, userId, password };
  const { access_token } = await signup(account).catch(() => login(account)); // the account is there already
  const client = createClient({ url, token: () => access_token });
  await client.connect();
  return client;
}

/** What `make test` builds before; here for a test that is run alone. */
async function built(app: string): Promise<void> {
  const cwd = join(apps, app);
  if (existsSync(join(cwd, 'dist/index.html'))) return;
  const build = Bun.spawn([process.execPath, 'x', 'vite', 'build'], { cwd, stdout: 'pipe', stderr: 'pipe' });
  if ((await build.exited) !== 0)
    throw new Error(`apps/${app} does not build:\n${await new Response(build.stderr).text()}`);
}

function chromiumPath(): string {
  const named = process.env.HONGYAN_CHROMIUM ?? 'chromium';
  const found = named.includes('/') ? named : Bun.which(named);
  if (!found) throw new Error('these tests need Chromium: run make chromium, or name it in HONGYAN_CHROMIUM');
  return found;
}
