import { expect, test } from 'bun:test';
import { pathOf, targetUrl } from './request-target.ts';

test('the path of an address is the part between host and query, not decoded', () => {
  expect(pathOf('http://a.example/v1/me?x=/y')).toBe('/v1/me');
  expect(pathOf('http://a.example:80/v1/users/%2F?')).toBe('/v1/users/%2F');
  expect(pathOf('http://a.example/')).toBe('/');
  expect(pathOf('http://a.example')).toBe('/');
});

test('an invalid Host does not change path and query', () => {
  for (const url of ['/v1/me?x=/y', 'http://[bad/v1/me?x=/y', 'http://a:99999/v1/me?x=/y']) {
    expect(pathOf(url)).toBe('/v1/me');
    const { pathname, search } = targetUrl(url);
    expect(pathname + search).toBe('/v1/me?x=/y');
  }
  expect(targetUrl('http://a//b/c').pathname).toBe('//b/c');
});
