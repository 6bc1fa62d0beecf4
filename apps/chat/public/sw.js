// Keeps the page at hand, so that the chat opens without a connection too and shows what waits to be sent.
// Messages never pass through here: they live in the client library's store.

const cacheName = 'hongyan-page';
const isPart = (path) =>
  path === '/' || path.startsWith('/assets/') || /^\/(icon\.svg|manifest\.webmanifest)$/.test(path);

self.addEventListener('install', (event) => event.waitUntil(keep().then(() => self.skipWaiting())));
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin || !isPart(url.pathname)) return;
  event.respondWith(url.pathname === '/' ? newestPage(event) : keptOr(event.request));
});

/** The server's page where it can be reached, so that a new version is used at once; else the kept one. */
async function newestPage(event) {
  try {
    const response = await fetch(event.request);
    if (response.ok) event.waitUntil(keep(response.clone()));
    return response;
  } catch (error) {
    const kept = await caches.match('/');
    if (kept) return kept;
    throw error;
  }
}

/** Names carry a hash of the content: what is kept under one is right for ever. */
async function keptOr(request) {
  return (await caches.match(request)) ?? fetch(request);
}

/** Keeps the page with the files it names, and drops those of older versions. */
async function keep(page) {
  const response = page ?? (await fetch('/'));
  const cache = await caches.open(cacheName);
  const parts = [...(await response.clone().text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]);
  await cache.put('/', response);
  const kept = (await cache.keys()).map((request) => new URL(request.url).pathname);
  await cache.addAll(parts.filter((path) => !kept.includes(path)));
  const old = kept.filter((path) => path !== '/' && !parts.includes(path));
  await Promise.all(old.map((path) => cache.delete(path)));
}
