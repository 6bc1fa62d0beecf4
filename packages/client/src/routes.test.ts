import { expect, test } from 'bun:test';
import { operations } from '@hongyan/protocol/operations/operations';
import { type RouteName, routes } from './routes.ts';

test.each(Object.keys(routes) as RouteName[])('%s is asked by the method and path of the operations table', (name) => {
  const { method, path } = operations[name].http;
  expect<string>(routes[name]).toBe(`${method} ${path}`);
});
