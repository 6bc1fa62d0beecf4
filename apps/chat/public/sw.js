// Keeps the page at hand, so that the chat opens without a connection too and shows what waits to be sent.
// Messages never pass through here: they live in the client library's store.

/** The folder that the chat is served from: on a shared host it need not be the root. */
const folder = new URL(self.registration.scope).pathname;
const cacheName = `hongyan-page ${folder}`;
/** Stands in the page of every build; a page of a proxy or a captive portal does not have it. */
const buildMark = '<meta name="hongyan-build"';
const isPage = (path) => path === folder;
const isPart = (path) =>
  path.startsWith(`${folder}assets/`) || path === `${folder}icon.svg` || path === `${folder}manifest.webmanifest`;

self.addEventListener('install', (event) => event.waitUntil(keepFirst().then(() => self.skipWaiting())));
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (isPage(url.pathname)) event.respondWith(newestPage(event));
  else if (isPart(url.pathname)) event.respondWith(keptOr(event.request));
});

/** The server's page where it can be reached, so that a new version is used at once; else the kept one. */
async function newestPage(event) {
  const kept = await (await caches.open(cacheName)).match(folder);
  try {
    const response = await fetch(event.request);
    if (response.ok) event.waitUntil(keep(response.clone()).catch(() => {})); // the one kept before stays
    return response.status >= 500 && kept ? kept : response;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

/** Names carry a hash of the content: what is kept under one never changes. */
async function keptOr(request) {
  return (await (await caches.open(cacheName)).match(request)) ?? fetch(request);
}

async function keepFirst() {
  if (!(await keep(await fetch(folder)))) throw new Error('the page that answers is not the chat');
}

/** Keeps the page with the files it names, files first, and drops those of older versions. false for a foreign page. */
async function keep(page) {
  const text = await page.clone().text();
  if (!isOwn(page, 'text/html') || !text.includes(buildMark)) return false;
  const cache = await caches.open(cacheName);
  const paths = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => new URL(address, page.url).pathname);
  const parts = paths.filter(isPart);
  const before = (await cache.keys()).map((request) => new URL(request.url).pathname);
  const missing = await Promise.all(parts.filter((path) => !before.includes(path)).map(fetchPart));
  await Promise.all(missing.map(([path, response]) => cache.put(path, response)));
  await cache.put(folder, page);
  const old = before.filter((path) => path !== folder && !parts.includes(path));
  await Promise.all(old.map((path) => cache.delete(path)));
  return true;
}

/** Part of the content type by the end of the name. */
const typeOf = { js: 'javascript', css: 'css', svg: 'svg', webmanifest: '' };

async function fetchPart(path) {
  const response = await fetch(path);
  const type = typeOf[path.slice(path.lastIndexOf('.') + 1)] ?? '';
  if (!isOwn(response, type)) throw new Error(`${path} is not a file of the chat`);
  return [path, response];
}

/** Answered by this origin itself, as what was asked for. */
function isOwn(response, type) {
  const contentType = response.headers.get('content-type') ?? '';
  return (
    response.ok &&
    response.type === 'basic' &&
    !response.redirected &&
    (type === '' ? !contentType.includes('html') : contentType.includes(type))
  );
}
